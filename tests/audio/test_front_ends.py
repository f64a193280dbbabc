"""Front ends compute what TensorFlow computes: in float to 1e-4, in fixed point integer for integer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.audio.sounds import note
from zoo import inputs
from zoo.audio import FrontEnd, fixed_point
from zoo.audio.resampling import resampled
from zoo.audio.wave_file import Wave
from zoo.inputs import Sound

Samples = NDArray[np.float64]


def signal(one: FrontEnd, sound: Samples) -> NDArray[np.float32]:
    """Return the features by TensorFlow's tf.signal."""
    import tensorflow as tf

    given = tf.constant(sound / (sound.max() or 1) if one.loudness == "largest is 1" else sound, tf.float32)
    spectrum = tf.abs(tf.signal.stft(given, one.window, one.hop, window_fn=tf.signal.hann_window))
    mel = tf.signal.linear_to_mel_weight_matrix(one.bands, spectrum.shape[-1], one.rate, one.low_hz, one.high_hz)
    bands = tf.math.log(tf.tensordot(spectrum, mel, 1) + 1e-6)
    found = tf.signal.mfccs_from_log_mel_spectrograms(bands)[..., : one.coefficients] if one.coefficients else bands
    return np.asarray(found)


def micro(one: FrontEnd, sound: NDArray[np.int16]) -> NDArray[np.int64]:
    """Return the bands by the audio front end of TFLite Micro, which is an operator of TensorFlow."""
    import tensorflow as tf
    from tensorflow.lite.experimental.microfrontend.python.ops import audio_microfrontend_op

    found = audio_microfrontend_op.audio_microfrontend(
        tf.constant(sound),
        sample_rate=one.rate,
        window_size=1000 * one.window // one.rate,
        window_step=1000 * one.hop // one.rate,
        num_channels=one.bands,
        lower_band_limit=one.low_hz,
        upper_band_limit=one.high_hz,
        enable_pcan=one.automatic_gain,
    )
    return np.asarray(found).astype(np.int64)


def fixed(**changes: Any) -> FrontEnd:
    return FrontEnd(**{"low_hz": 125.0, "high_hz": 7500.0, "arithmetic": "fixed point", **changes})


FLOATS = (
    FrontEnd(coefficients=10, loudness="largest is 1"),
    FrontEnd(),
    FrontEnd(rate=8000, length=12000, window=200, hop=80, bands=23, low_hz=0.0, high_hz=4000.0, coefficients=13),
    FrontEnd(window=1024, hop=512, bands=64, low_hz=60.0, high_hz=8000.0),
)
FIXED = (
    fixed(),
    fixed(automatic_gain=False),
    fixed(window=400, hop=160, bands=32),
    fixed(bands=70, low_hz=0.0, high_hz=2000.0),  # bands without a frequency of their own
    fixed(rate=8000, length=8000, window=240, hop=160, bands=20, low_hz=20.0, high_hz=3999.0),
    fixed(rate=48000, length=48000, window=1440, hop=960, low_hz=20.0, high_hz=20000.0),
    fixed(window=1024, hop=320, bands=40, low_hz=20.0, high_hz=4000.0),
    fixed(window=64, hop=64, bands=8),
)
RNG = np.random.default_rng(0)
SOUNDS = {
    "a note": note(700, 3),
    "noise": RNG.standard_normal(16000) * 0.1,
    "quiet": RNG.standard_normal(16000) * 1e-4,
    "silence": np.zeros(16000),
    "a silence in a sound": np.where(np.arange(16000) // 4000 == 1, 0, RNG.standard_normal(16000) * 0.02),
    "as loud as 16 bits": RNG.integers(-32768, 32768, 16000) / 32768,
    "a clipped wave": np.where(np.arange(16000) // 40 % 2, 32767, -32768) / 32768,
}


@pytest.mark.parametrize("one", FLOATS, ids=lambda one: one.describe())
@pytest.mark.parametrize("kind", ["a note", "noise", "quiet", "silence"])
def test_features_in_float_are_those_of_tensorflow(one: FrontEnd, kind: str) -> None:
    sound = np.resize(SOUNDS[kind], one.length)
    found = one.of_samples(sound)
    assert found.shape == one.shape
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[..., 0], signal(one, sound), rtol=0, atol=1e-4)


@pytest.mark.parametrize("one", FIXED, ids=lambda one: f"{one.describe()}, gain {one.automatic_gain}")
@pytest.mark.parametrize("sound", SOUNDS.values(), ids=SOUNDS)
def test_features_in_fixed_point_are_those_of_tflite_micro(one: FrontEnd, sound: Samples) -> None:
    whole = np.clip(np.rint(np.resize(sound, one.length) * 32768), -32768, 32767).astype(np.int16)
    np.testing.assert_array_equal(one.of_samples(whole / 32768)[..., 0], micro(one, whole))


def test_features_in_fixed_point_of_many_settings_are_those_of_tflite_micro() -> None:
    rng = np.random.default_rng(1)
    for _ in range(40):
        rate, window = int(rng.choice([8000, 16000, 44000])), int(rng.integers(4, 80))
        low = float(rng.uniform(0, 500))
        one = fixed(
            rate=rate,
            length=rate,
            window=window * rate // 1000,
            hop=int(rng.integers(3, window + 1)) * rate // 1000,
            bands=int(rng.integers(4, 70)),
            low_hz=low,
            high_hz=float(rng.uniform(low + 300, rate / 2 - 1)),
            automatic_gain=bool(rng.integers(2)),
        )
        whole = np.clip(rng.standard_normal(rate) * 10 ** rng.uniform(0, 5), -32768, 32767).astype(np.int16)
        np.testing.assert_array_equal(one.of_samples(whole / 32768)[..., 0], micro(one, whole), err_msg=str(one))


def test_a_sound_is_cut_or_followed_by_silence() -> None:
    one = FrontEnd(coefficients=10)
    sound = note(700, 3, seconds=2.0)
    np.testing.assert_array_equal(
        one.features(Wave(samples=sound, rate=16000)), one.features(Wave(samples=sound[:16000], rate=16000))
    )
    short = one.features(Wave(samples=sound[:8000], rate=16000))
    padded = one.features(Wave(samples=np.pad(sound[:8000], (0, 8000)), rate=16000))
    np.testing.assert_array_equal(short, padded)


def test_the_begin_of_a_long_sound_of_another_rate_does_not_depend_on_its_end() -> None:
    one = FrontEnd(coefficients=10)
    sound = note(700, 3, rate=44100, seconds=3.0)
    np.testing.assert_allclose(
        one.fitted(Wave(samples=sound, rate=44100)), resampled(sound, 44100, 16000)[:16000], rtol=0, atol=1e-12
    )


def test_the_root_of_nearly_32_bits_is_not_rounded_up_as_in_tflite_micro() -> None:
    numbers = np.array([0, 1, 2, 3, 6, 7, 65535**2, 65535**2 + 65536, 2**32 - 1, 2**32, 2**40 + 2**20, 2**40 + 2**21])
    assert fixed_point._root(numbers).tolist() == [0, 1, 1, 2, 2, 3, 65535, 65535, 65535, 65536, 2**20, 2**20 + 1]


def test_loudness_does_not_matter_where_the_largest_sample_is_1() -> None:
    one, sound = FrontEnd(coefficients=10, loudness="largest is 1"), note(700, 3)
    np.testing.assert_allclose(one.of_samples(sound), one.of_samples(sound / 7), atol=1e-5)
    assert np.isfinite(one.of_samples(np.zeros(16000))).all()


@pytest.mark.parametrize("one", [*FLOATS, *FIXED[:2]], ids=str)
def test_a_contract_comes_back_from_its_record(one: FrontEnd) -> None:
    contracts = {"features": Sound(front_end=one, samples="keywords")}
    assert inputs.from_record(inputs.record(contracts)) == contracts


@pytest.mark.parametrize(
    "change",
    [
        {"rate": 0},
        {"rate": "16000"},
        {"length": 10**12},
        {"hop": -1},
        {"hop": 1, "length": 200_000},
        {"bands": 2000},
        {"window": 4},
        {"window": 20000},
        {"bands": 1.5},
        {"low_hz": 5000.0},
        {"high_hz": 9000.0},
        {"coefficients": 41},
        {"loudness": "loud"},
        {"arithmetic": "fixed point", "coefficients": 10},
        {"arithmetic": "fixed point", "high_hz": 8000.0},
        {"scale": float("nan")},
        {"samples": "../../etc/passwd"},
        {"samples": 3},
        {"unknown": 1},
    ],
    ids=str,
)
def test_a_record_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    good = inputs.record({"sound": Sound(front_end=FrontEnd())})["sound"]
    with pytest.raises((ValueError, TypeError)):
        inputs.from_record({"sound": {**good, **change}})


def test_random_values_are_features_of_noise() -> None:
    one = Sound(front_end=FrontEnd(coefficients=10))
    value = one.random(np.random.default_rng(0), (49, 10, 1), "float32")
    assert value.shape == (49, 10, 1)
    assert np.isfinite(value).all()
    assert value.std() > 0
