"""DS-CNN of MLPerf Tiny: which of ten words was said? A MobileNet for MFCCs of a second of speech.

Zhang et al. 2017, "Hello Edge: Keyword Spotting on Microcontrollers", https://arxiv.org/abs/1711.07128; Banbury et al.
2021, "MLPerf Tiny Benchmark", https://arxiv.org/abs/2106.07597: keyword spotting. The reference is
github.com/mlcommons/tiny, benchmark/training/keyword_spotting: biases before batch norm. Different from it: logits
instead of probabilities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, Option, register
from zoo.audio import FrontEnd
from zoo.inputs import Input, Sound
from zoo.pretrained import mlperf_kws as pretrained

if TYPE_CHECKING:
    import keras

FRONT_ENDS = {
    "mfcc": FrontEnd(coefficients=10, loudness="largest is 1"),  # 49 windows of 30 ms in steps of 20 ms
    "log_mel": FrontEnd(high_hz=7500.0, loudness="largest is 1"),
    # As micro_speech of TFLite Micro, with the factor of its training.
    "fixed_point": FrontEnd(low_hz=125.0, high_hz=7500.0, arithmetic="fixed point", scale=10 / 256),
}
BLOCKS = 4
EPSILON = 1e-3


def build(*, front_end: str = "mfcc", classes: int = 12, width: int = 64) -> keras.Model:
    """Return DS-CNN: MFCCs (N, 49, 10, 1), or what another front end gives, to logits (N, classes).

    Args:
        front_end: of `FRONT_ENDS`.
        classes: length of the logits.
        width: channels of every layer.
    """
    import keras
    from keras import layers

    mfcc = keras.Input(FRONT_ENDS[front_end].shape, name="mfcc")
    x = layers.Conv2D(width, (10, 4), 2, "same", name="conv1")(mfcc)  # 25 x 5 x 64
    x = _normalise(x, "conv1")
    x = layers.Dropout(0.2, name="dropout1")(x)
    for index in range(1, BLOCKS + 1):  # 25 x 5 x 64
        x = layers.DepthwiseConv2D(3, padding="same", name=f"conv_dw_{index}")(x)
        x = _normalise(x, f"conv_dw_{index}")
        x = layers.Conv2D(width, 1, name=f"conv_pw_{index}")(x)
        x = _normalise(x, f"conv_pw_{index}")
    x = layers.Dropout(0.4, name="dropout2")(x)
    x = layers.AveragePooling2D(x.shape[1:3], name="pool")(x)  # 1 x 1 x 64
    x = layers.Flatten(name="features")(x)
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(mfcc, logits, name="mlperf_kws")


def _normalise(x: Any, name: str) -> Any:
    from keras import layers

    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _sound(*, front_end: str = "mfcc", **_: object) -> dict[str, Input]:
    """Return how a second of speech becomes the input; the MFCCs are those of get_dataset.py of the reference."""
    return {"mfcc": Sound(front_end=FRONT_ENDS[front_end], samples="keywords" if front_end == "mfcc" else "")}


MLPERF_KWS = register(
    Architecture(
        name="mlperf_kws",
        title="DS-CNN of MLPerf Tiny, keyword spotting (Zhang et al., 2017)",
        task="sound classification",
        paper="https://arxiv.org/abs/1711.07128",
        build=build,
        inputs=_sound,
        parameter_count=24_908,
        classes=12,
        labels="keywords",
        options={
            "front_end": Option(
                default="mfcc", choices=tuple(FRONT_ENDS), meaning="features of a sound; trained weights are for mfcc"
            )
        },
        weights=(pretrained.SPEECH_COMMANDS,),
    )
)
