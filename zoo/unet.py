"""U-Net: a class for every pixel, from its wide surroundings and from fine details.

Ronneberger, Fischer, Brox 2015, "U-Net: Convolutional Networks for Biomedical Image Segmentation",
https://arxiv.org/abs/1505.04597, figure 1 and section 2. Different from the paper: 'same' padding, so that the whole
picture is labelled and both halves of a concatenation have the same size, where the paper crops (572 pixels in, 388
out); no dropout at the bottom, which only training uses. Without batch norm, as in the paper, whose initial weights
(He et al. 2015) make it unnecessary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, Option, register
from zoo.inputs import photo
from zoo.preprocessing import Preprocessing
from zoo.pretrained import unet as pretrained

if TYPE_CHECKING:
    import keras


def build(
    *, classes: int = 2, resolution: int = 128, channels: int = 1, width: int = 64, depth: int = 4
) -> keras.Model:
    """Return U-Net: images (N, side, side, channels) in [0, 1] to logits (N, side, side, classes); side: `resolution`.

    Args:
        classes: number of classes of a pixel.
        resolution: the side of the input and of the output, a multiple of 2^depth.
        channels: 1 for grey, 3 for colours.
        width: channels of the first level; each level further down has twice as many.
        depth: number of times that the side is halved.
    """
    import keras
    from keras import layers

    image = keras.Input((resolution, resolution, channels), name="image")
    x, skips = image, []
    for level in range(depth):
        # 128 x 128 x 64, 64 x 64 x 128, 32 x 32 x 256, 16 x 16 x 512
        x = _convolve_twice(x, width << level, f"down{level}")
        skips.append(x)
        x = layers.MaxPooling2D(2, name=f"down{level}_pool")(x)
    x = _convolve_twice(x, width << depth, "bottom")  # 8 x 8 x 1024
    for level in reversed(range(depth)):
        # The "up-convolution" of section 2: twice the side, half the channels.
        x = layers.Conv2DTranspose(width << level, 2, 2, kernel_initializer="he_normal", name=f"up{level}_grow")(x)
        x = layers.Concatenate(name=f"up{level}_skip")([skips[level], x])
        # 16 x 16 x 512, 32 x 32 x 256, 64 x 64 x 128, 128 x 128 x 64
        x = _convolve_twice(x, width << level, f"up{level}")
    logits = layers.Conv2D(classes, 1, name="logits")(x)  # 128 x 128 x 2
    return keras.Model(image, logits, name="unet")


def _convolve_twice(x: Any, channels: int, name: str) -> Any:
    """Two 3x3 convolutions, each followed by ReLU."""
    from keras import layers

    for part in (1, 2):
        x = layers.Conv2D(
            channels, 3, padding="same", activation="relu", kernel_initializer="he_normal", name=f"{name}_conv{part}"
        )(x)
    return x


def preprocess(*, resolution: int = 128, channels: int = 1, **_: object) -> Preprocessing:
    """Return how a photo becomes the input: bytes to [0, 1]."""
    return Preprocessing(
        height=resolution,
        width=resolution,
        colours="GRAY" if channels == 1 else "RGB",
        resize="bilinear",
        crop_fraction=1.0,
        scale=(1 / 255,),
    )


TINY = {"classes": 6, "resolution": 64, "width": 8, "depth": 3}

UNET = register(
    Architecture(
        name="unet",
        title="U-Net (Ronneberger et al., 2015)",
        task="segmentation",
        paper="https://arxiv.org/abs/1505.04597",
        build=build,
        inputs=photo(preprocess),
        # Of figure 1, by hand: 18,842,048 on the way down, 12,188,480 on the way up, and 130 in the last 1x1.
        parameter_count=31_030_658,
        classes=2,
        labels="cells",
        options={
            "resolution": Option(default=128, choices=(64, 128, 256, 512), meaning="side of the input, in pixels"),
            "channels": Option(default=1, choices=(1, 3), meaning="1: grey pictures, 3: colours"),
            "width": Option(default=64, choices=(8, 16, 32, 64), meaning="channels of the first level"),
        },
        tiny=TINY,
        weights=(pretrained.tiny(TINY),),
    )
)
