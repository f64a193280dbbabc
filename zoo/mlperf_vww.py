"""MobileNet v1 of MLPerf Tiny: is there a person in the photo? In a quarter of a megabyte.

Banbury et al. 2021, "MLPerf Tiny Benchmark", https://arxiv.org/abs/2106.07597: visual wake words; Chowdhery et al.
2019, "Visual Wake Words Dataset", https://arxiv.org/abs/1906.05721; the network is that of Howard et al. 2017,
https://arxiv.org/abs/1704.04861, with a quarter of the channels. The reference is github.com/mlcommons/tiny,
benchmark/training/visual_wake_words. Different from `mobilenet`: ReLU without a ceiling, biases before batch norm, and
a dense layer at the end; from the reference: logits instead of probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, Option, register
from zoo.inputs import photo
from zoo.mobilenet import ALPHA, BLOCKS, CHANNELS, EPSILON
from zoo.preprocessing import Preprocessing
from zoo.pretrained import mlperf_vww as pretrained

if TYPE_CHECKING:
    import keras

SIDE = 96  # pixels


def build(
    *,
    alpha: float = 0.25,
    channels: int = 3,
    classes: int = 2,
    resolution: int = SIDE,
    blocks: Sequence[tuple[int, int]] = BLOCKS,
) -> keras.Model:
    """Return the network: images (N, resolution, resolution, channels) in [0, 1] to logits (N, classes).

    Args:
        alpha: the width multiplier; every layer has `int(alpha * channels)` channels.
        channels: of the photo: 3, or 1 for a grey one.
        classes: length of the logits.
        resolution: the side of the input.
        blocks: (output channels before alpha, stride) of each block.
    """
    import keras
    from keras import layers

    image = keras.Input((resolution, resolution, channels), name="image")
    x = layers.Conv2D(int(32 * alpha), 3, 2, "same", name="conv1")(image)  # 48 x 48 x 8
    x = _normalise(x, "conv1")
    for index, (wide, stride) in enumerate(blocks, start=1):
        # In the order of `BLOCKS`: 48 x 48 x 16, 24 x 24 x 32, 12 x 12 x 64, 6 x 6 x 128, 3 x 3 x 256.
        x = layers.DepthwiseConv2D(3, stride, "same", name=f"conv_dw_{index}")(x)
        x = _normalise(x, f"conv_dw_{index}")
        x = layers.Conv2D(int(wide * alpha), 1, name=f"conv_pw_{index}")(x)
        x = _normalise(x, f"conv_pw_{index}")
    x = layers.AveragePooling2D(x.shape[1], name="pool")(x)  # 1 x 1 x 256
    x = layers.Flatten(name="features")(x)
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(image, logits, name="mlperf_vww")


def _normalise(x: Any, name: str) -> Any:
    from keras import layers

    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def preprocess(*, channels: int = 3, resolution: int = SIDE, **_: object) -> Preprocessing:
    """Return how a photo becomes the input: the short side fills it, bytes to [0, 1]."""
    return Preprocessing(
        height=resolution,
        width=resolution,
        colours="GRAY" if channels == 1 else "RGB",
        resize="bilinear",
        crop_fraction=1.0,
        scale=(1 / 255,),
    )


TINY = {"resolution": 32, "classes": 10, "blocks": BLOCKS[:8]}

MLPERF_VWW = register(
    Architecture(
        name="mlperf_vww",
        title="MobileNet v1 0.25 of MLPerf Tiny, visual wake words (Banbury et al., 2021)",
        task="classification",
        paper="https://arxiv.org/abs/2106.07597",
        build=build,
        inputs=photo(preprocess),
        parameter_count=221_794,
        classes=2,
        labels="person",
        options={"alpha": Option(default=0.25, choices=ALPHA.choices, meaning=ALPHA.meaning), "channels": CHANNELS},
        tiny=TINY,
        weights=(pretrained.COCO, pretrained.tiny(TINY)),
    )
)
