"""Words that espeak-ng speaks, as the features of MLPerf Tiny's keyword and wake word networks.

The front ends are those of github.com/mlcommons/tiny: get_dataset.py of keyword_spotting and of streaming_wakeword.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from calibration.samples import Array
from zoo import class_names

RATE, SECOND = 16000, 16000  # Hz, samples
SPOKEN_RATE = (320, 441)  # from the 22,050 Hz of espeak-ng
# The other words of Speech Commands, which the networks call unknown.
OTHERS = tuple(
    word
    for line in (
        "backward bed bird cat dog eight five follow forward four happy house learn nine one seven sheila six three",
        "tree two visual wow zero",
    )
    for word in line.split()
)
ACCENTS = ("en-us", "en-us", "en-gb", "en-gb-scotland")
VOICES = (
    *(f"m{number}" for number in range(1, 9)),
    *(f"f{number}" for number in range(1, 6)),
    *("Andy", "Annie", "belinda", "benjamin", "david", "ed", "edward", "iven", "john", "linda", "michael", "Alicia"),
    *("quincy", "rob", "steph", "travis", "adam", "Mike", "zac", "victor"),
)
SILENCE, UNKNOWN = "silence", "unknown"


def keywords(seed: int, per_class: int) -> tuple[Array, Array]:
    """Return MFCCs (N, 49, 10, 1) of keywords, silence and other words, and their classes (N,)."""
    return _spoken("keywords", OTHERS, _mfcc, seed, per_class)


def wake_word(seed: int, per_class: int) -> tuple[Array, Array]:
    """Return log-mel spectra (N, 30, 1, 40) of the name, silence and other words, and their classes (N,)."""
    others = [*OTHERS, *(word for word in class_names.read("keywords") if word not in (SILENCE, UNKNOWN))]
    return _spoken("wake_word", others, _log_mel, seed, per_class)


def _spoken(labels: str, others: Sequence[str], front_end: Any, seed: int, per_class: int) -> tuple[Array, Array]:
    rng, found, classes = np.random.default_rng(seed), [], []
    for _ in range(per_class):
        for index, label in enumerate(class_names.read(labels)):
            word = rng.choice(others) if label == UNKNOWN else label
            sound = noise(rng) if label == SILENCE else placed(said(str(word), rng), rng)
            found.append(front_end(sound, rng))
            classes.append(index)
    return np.stack(found), np.array(classes)


def said(word: str, rng: np.random.Generator, voices: Sequence[str] = VOICES) -> Array:
    """Return a word in a random voice, at a random speed and pitch, at 16 kHz."""
    from scipy.signal import resample_poly

    program = shutil.which("espeak-ng")
    if program is None:
        sys.exit("error: espeak-ng is not installed; on Debian 12 type: apt-get install espeak-ng")
    voice = f"{rng.choice(ACCENTS)}+{rng.choice(voices)}"
    speed, pitch = str(rng.integers(110, 190)), str(rng.integers(20, 80))
    command = [program, "-v", voice, "-s", speed, "-p", pitch, "--stdout", word]
    header = 44  # bytes of a .wav
    sound = subprocess.run(command, check=True, capture_output=True).stdout[header:]
    return np.asarray(resample_poly(np.frombuffer(sound, np.int16) / 32768, *SPOKEN_RATE))


def placed(word: Array, rng: np.random.Generator) -> Array:
    """Return a second with the word somewhere in noise; a third of them ends early, as recordings do."""
    loud = np.flatnonzero(np.abs(word) > 0.01 * np.abs(word).max())
    word = word[max(0, loud[0] - 200) : loud[-1] + 200][: SECOND - 500]
    sound, at = np.zeros(SECOND), int(rng.integers(0, SECOND - len(word)))
    sound[at : at + len(word)] = word / np.abs(word).max()
    sound += 10 ** rng.uniform(-3.5, -1) * noise(rng)
    if rng.random() < 1 / 3:
        sound[max(at + len(word), int(0.6 * SECOND)) :] = 0
    return sound


def noise(rng: np.random.Generator) -> Array:
    """Return a second of noise, from white to nearly pink, of amplitude 1."""
    spectrum = np.fft.rfft(rng.standard_normal(SECOND))
    spectrum *= (np.arange(len(spectrum)) + 1) ** -rng.uniform(0, 0.7)
    found = np.fft.irfft(spectrum, SECOND)
    return np.asarray(found / np.abs(found).max())


def _mfcc(sound: Array, _: np.random.Generator) -> Array:
    import tensorflow as tf

    wave = tf.constant(sound / sound.max(), tf.float32)
    spectrum = tf.abs(tf.signal.stft(wave, 480, 320, window_fn=tf.signal.hann_window))
    mel = tf.signal.linear_to_mel_weight_matrix(40, spectrum.shape[-1], RATE, 20.0, 4000.0)
    log_mel = tf.math.log(tf.tensordot(spectrum, mel, 1) + 1e-6)
    found: Array = tf.signal.mfccs_from_log_mel_spectrograms(log_mel)[..., :10].numpy()
    return found[..., None]


def _log_mel(sound: Array, rng: np.random.Generator) -> Array:
    import tensorflow as tf

    wave = sound / sound.max() * rng.uniform(0.05, 1) ** 2
    wave = wave - (1 - 2**-5) * np.pad(wave, (1, 0))[:-1]
    window = functools.partial(tf.signal.hamming_window, periodic=False)
    spectrum = tf.abs(tf.signal.stft(tf.constant(wave, tf.float32), 1024, 512, window_fn=window))
    power = tf.maximum(tf.square(spectrum) / 1024, 1e-30)
    mel = tf.signal.linear_to_mel_weight_matrix(40, power.shape[-1], RATE, 0.0, RATE / 2)
    decibels = 10 * np.log10(tf.tensordot(power, mel, 1).numpy())
    return np.clip((decibels + 52) / 64, 0, 1)[:, None, :]
