"""Xception: an Inception module with as many branches as channels, which is a depthwise separable convolution.

Chollet 2016, "Xception: Deep Learning with Depthwise Separable Convolutions", https://arxiv.org/abs/1610.02357. Layer
names are those of keras.applications, but for the 1x1 convolutions around the blocks, which have only numbers there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, register
from zoo.inputs import photo
from zoo.preprocessing import Preprocessing, conventions
from zoo.pretrained import xception as pretrained

if TYPE_CHECKING:
    import keras

# Channels of figure 5: two convolutions, the blocks of the entry flow; last block and last two convolutions below.
STEM = (32, 64)
ENTRY = (128, 256, 728)
MIDDLE = 8  # blocks of the middle flow, as wide as the entry flow's last
EXIT = (1024, 1536, 2048)


def build(
    *,
    stem: tuple[int, int] = STEM,
    entry: Sequence[int] = ENTRY,
    middle: int = MIDDLE,
    exits: tuple[int, int, int] = EXIT,
    dropout: float = 0.5,
    resolution: int = 299,
    classes: int = 1000,
) -> keras.Model:
    """Return Xception: images (N, resolution, resolution, 3) in [-1, 1] to logits (N, classes).

    Args:
        stem: channels of the two convolutions at the beginning.
        entry: channels of each block of the entry flow.
        middle: number of blocks in the middle flow.
        exits: channels of the last block, and of the two separable convolutions behind it.
        dropout: before the last layer, in training.
        resolution: the side of the input.
        classes: length of the logits.
    """
    import keras
    from keras import layers

    image = keras.Input((resolution, resolution, 3), name="image")
    x = layers.Conv2D(stem[0], 3, 2, use_bias=False, name="block1_conv1")(image)
    x = _activate(_normalise(x, "block1_conv1"), "block1_conv1")  # 149 x 149 x 32
    x = layers.Conv2D(stem[1], 3, use_bias=False, name="block1_conv2")(x)
    x = _activate(_normalise(x, "block1_conv2"), "block1_conv2")  # 147 x 147 x 64
    for block, channels in enumerate(entry, start=2):  # 74 x 74 x 128, 37 x 37 x 256, 19 x 19 x 728
        # The output of the stem has passed a ReLU already.
        x = _halving_block(x, (channels, channels), f"block{block}", activate_first=block > 2)
    last = 2 + len(entry) + middle
    for block in range(2 + len(entry), last):  # 19 x 19 x 728
        x = _middle_block(x, f"block{block}")
    x = _halving_block(x, (x.shape[-1], exits[0]), f"block{last}", activate_first=True)  # 10 x 10 x 1024
    for index, channels in enumerate(exits[1:], start=1):  # 10 x 10 x 1536, 10 x 10 x 2048
        name = f"block{last + 1}_sepconv{index}"
        x = _activate(_separable(x, channels, name), name)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)  # 2048
    x = layers.Dropout(dropout, name="dropout")(x)
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(image, logits, name="xception")


def _halving_block(x: Any, channels: tuple[int, int], name: str, *, activate_first: bool) -> Any:
    """Two separable convolutions and a pooling, plus the input by a 1x1 convolution of stride 2."""
    from keras import layers

    residual = layers.Conv2D(channels[1], 1, 2, "same", use_bias=False, name=f"{name}_residual")(x)
    residual = _normalise(residual, f"{name}_residual")
    if activate_first:
        x = _activate(x, f"{name}_sepconv1")
    x = _activate(_separable(x, channels[0], f"{name}_sepconv1"), f"{name}_sepconv2")
    x = _separable(x, channels[1], f"{name}_sepconv2")
    x = layers.MaxPooling2D(3, 2, "same", name=f"{name}_pool")(x)
    return layers.Add(name=f"{name}_add")([x, residual])


def _middle_block(x: Any, name: str) -> Any:
    """Three separable convolutions, each behind a ReLU, plus the input."""
    from keras import layers

    block_input, channels = x, x.shape[-1]
    for index in (1, 2, 3):
        part = f"{name}_sepconv{index}"
        x = _separable(_activate(x, part), channels, part)
    return layers.Add(name=f"{name}_add")([x, block_input])


def _separable(x: Any, channels: int, name: str) -> Any:
    """3x3 filters on each channel alone, then 1x1 over all; no activation in between (section 4.7), batch norm."""
    from keras import layers

    x = layers.SeparableConv2D(channels, 3, padding="same", use_bias=False, name=name)(x)
    return _normalise(x, name)


def _normalise(x: Any, name: str) -> Any:
    from keras import layers

    return layers.BatchNormalization(name=f"{name}_bn")(x)


def _activate(x: Any, name: str) -> Any:
    from keras import layers

    return layers.ReLU(name=f"{name}_act")(x)


def preprocess(*, resolution: int = 299, **_: object) -> Preprocessing:
    """Return how a photo becomes the input: bytes to [-1, 1], bilinear, the central 7/8."""
    tf = conventions.find("tf")
    return Preprocessing(height=resolution, width=resolution, resize="bilinear", scale=tf.scale, offset=tf.offset)


TINY = {
    "stem": (8, 16),
    "entry": (24, 40),
    "middle": 1,
    "exits": (64, 96, 128),
    "dropout": 0.05,
    "resolution": 32,
    "classes": 10,
}

XCEPTION = register(
    Architecture(
        name="xception",
        title="Xception (Chollet, 2016)",
        task="classification",
        paper="https://arxiv.org/abs/1610.02357",
        build=build,
        inputs=photo(preprocess),
        parameter_count=22_910_480,
        classes=1000,
        labels="imagenet1k",
        tiny=TINY,
        weights=(pretrained.IMAGENET, pretrained.tiny(TINY)),
    )
)
