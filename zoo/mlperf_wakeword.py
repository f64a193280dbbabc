"""The streaming wake word of MLPerf Tiny: was the name said? A DS-CNN whose windows only follow time.

Banbury et al. 2021, "MLPerf Tiny Benchmark", https://arxiv.org/abs/2106.07597; the network came with version 1.3. The
reference is github.com/mlcommons/tiny, benchmark/training/streaming_wakeword. Its 40 log-mel bands are channels, and
its kernels are 1 wide, so that a device that listens all the time can compute each step from the last few. Different
from the reference: logits instead of probabilities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.architecture import Architecture, register
from zoo.inputs import Features, Input
from zoo.pretrained import mlperf_wakeword as pretrained

if TYPE_CHECKING:
    import keras

FRAMES, BANDS = 30, 40  # windows of 64 ms in steps of 32 ms; mel bands
BLOCKS = ((3, 128), (5, 128), (10, 128), (15, 32))  # steps of time that a block sees, output channels
EPSILON = 1e-3


def build(*, classes: int = 3) -> keras.Model:
    """Return the network: log-mel spectra (N, 30, 1, 40) in [0, 1] to logits (N, classes).

    Args:
        classes: length of the logits.
    """
    import keras
    from keras import layers

    x = spectrum = keras.Input((FRAMES, 1, BANDS), name="log_mel")
    for index, (steps, channels) in enumerate(BLOCKS, start=1):  # 28, 24, 15 and 1 steps
        x = layers.DepthwiseConv2D((steps, 1), use_bias=False, name=f"conv_dw_{index}")(x)
        x = layers.Conv2D(channels, 1, use_bias=False, name=f"conv_pw_{index}")(x)
        x = layers.BatchNormalization(epsilon=EPSILON, name=f"conv_pw_{index}_bn")(x)
        x = layers.ReLU(name=f"conv_pw_{index}_relu")(x)
        x = layers.Dropout(0.2, name=f"dropout{index}")(x)
    x = layers.Flatten(name="features")(x)  # 32
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(spectrum, logits, name="mlperf_wakeword")


def _log_mel(**_: object) -> dict[str, Input]:
    """Return the meaning of the input."""
    words = "40 log-mel bands from 0 to 1 of 30 windows of 64 ms, 32 ms apart, at 16 kHz"
    return {"log_mel": Features(words=words, samples="wake_word", low=0.0, high=1.0)}


MLPERF_WAKEWORD = register(
    Architecture(
        name="mlperf_wakeword",
        title="Streaming wake word of MLPerf Tiny (Banbury et al., 2021)",
        task="classification",
        paper="https://arxiv.org/abs/2106.07597",
        build=build,
        inputs=_log_mel,
        parameter_count=47_707,
        classes=3,
        labels="wake_word",
        weights=(pretrained.SPEECH_COMMANDS,),
    )
)
