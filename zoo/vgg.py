"""VGG: depth from 3x3 convolutions alone, nothing else to tune.

Simonyan and Zisserman 2014, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
https://arxiv.org/abs/1409.1556. Layer names are those of keras.applications: weights compare by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from zoo.architecture import Architecture, register
from zoo.inputs import photo
from zoo.preprocessing import Preprocessing, conventions
from zoo.pretrained import vgg as pretrained

if TYPE_CHECKING:
    import keras

# Convolutions in each of the five blocks: table 1, columns D (16 layers with weights) and E (19).
DEPTHS_16 = (2, 2, 3, 3, 3)
DEPTHS_19 = (2, 2, 4, 4, 4)
_MOST_WIDENING = 8  # the fourth block is eight times as wide as the first, and so is the fifth


def build(
    *,
    depths: Sequence[int] = DEPTHS_16,
    width: int = 64,
    hidden: int = 4096,
    dropout: float = 0.5,
    resolution: int = 224,
    classes: int = 1000,
) -> keras.Model:
    """Return VGG: images (N, resolution, resolution, 3), BGR less the mean, to logits (N, classes).

    Args:
        depths: 3x3 convolutions in each block.
        width: channels of the first block; each block doubles it, up to eight times.
        hidden: units of the two dense layers before the last.
        dropout: after each of these, in training: section 3.1.
        resolution: the side of the input.
        classes: length of the logits.
    """
    import keras
    from keras import layers

    # The input is as large as bytes: with the usual initial weights the first steps of training would kill the ReLUs.
    first = keras.initializers.VarianceScaling(1 / 64**2, "fan_avg")
    x = image = keras.Input((resolution, resolution, 3), name="image")
    for block, depth in enumerate(depths, start=1):
        channels = width * min(1 << (block - 1), _MOST_WIDENING)
        for index in range(1, depth + 1):
            # Two 3x3 convolutions cover 5x5 pixels and three cover 7x7, with fewer weights and more ReLUs than one
            # large filter: section 2.3.
            start = first if x is image else "glorot_uniform"
            x = layers.Conv2D(
                channels,
                3,
                padding="same",
                activation="relu",
                kernel_initializer=start,
                name=f"block{block}_conv{index}",
            )(x)
        # 112 x 112 x 64, 56 x 56 x 128, 28 x 28 x 256, 14 x 14 x 512, 7 x 7 x 512
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    x = layers.Flatten(name="flatten")(x)  # 25088
    # 86 % of VGG16's parameters are in these two layers.
    for name in ("fc1", "fc2"):
        x = layers.Dense(hidden, activation="relu", name=name)(x)
        x = layers.Dropout(dropout, name=f"{name}_dropout")(x)
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(image, logits, name="vgg")


def preprocess(*, resolution: int = 224, **_: object) -> Preprocessing:
    """Return how a photo becomes the input: BGR bytes less the mean colour of ImageNet, as Caffe did it."""
    caffe = conventions.find("caffe")
    return Preprocessing(
        height=resolution, width=resolution, resize="bilinear", colours=caffe.colours, offset=caffe.offset
    )


TINY = {"depths": (1, 1, 2), "width": 12, "hidden": 64, "dropout": 0.1, "resolution": 32, "classes": 10}


def _vgg(number: int, depths: Sequence[int], parameter_count: int) -> Architecture:
    """Register one column of table 1."""
    return register(
        Architecture(
            name=f"vgg{number}",
            title=f"VGG-{number} (Simonyan and Zisserman, 2014)",
            task="classification",
            paper="https://arxiv.org/abs/1409.1556",
            build=partial(build, depths=depths),
            inputs=photo(preprocess),
            parameter_count=parameter_count,
            classes=1000,
            labels="imagenet1k",
            tiny=TINY,
            weights=(pretrained.IMAGENET[number], pretrained.tiny(TINY)),
        )
    )


VGG16 = _vgg(16, DEPTHS_16, 138_357_544)
VGG19 = _vgg(19, DEPTHS_19, 143_667_240)
