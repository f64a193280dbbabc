"""Layers of Darknet's networks.

Darknet is Joseph Redmon's framework in C, https://pjreddie.com/darknet, kept up by Alexey Bochkovskiy,
https://github.com/AlexeyAB/darknet. A network is a .cfg, a list of layers, and a .weights, their values in that order.
"""

from __future__ import annotations

from typing import Any

from zoo.preprocessing import Preprocessing, conventions

EPSILON = 1e-5  # of batch norm: normalize_kernel in blas_kernels.cu
SLOPE = 0.1  # of `leaky` below zero: activations.h


def convolve(x: Any, channels: int, size: int, name: str, stride: int = 1) -> Any:
    """Return `[convolutional]` with batch_normalize=1, pad=1, activation=leaky.

    Darknet pads by size / 2 on every side; with stride 2 that is one pixel more above and on the left than Keras's
    "same", and weights that were trained with one padding are worse with the other.
    """
    from keras import layers

    if stride > 1:
        x = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
    padding = "valid" if stride > 1 else "same"
    x = layers.Conv2D(channels, size, stride, padding, use_bias=False, name=name)(x)
    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)
    return layers.LeakyReLU(SLOPE, name=f"{name}_leaky")(x)


def predict(x: Any, anchors: int, classes: int, name: str) -> Any:
    """Return the raw outputs of `[yolo]`: for every cell and anchor four of the box, one of the object, one per class.

    They are the plain outputs of a convolution, which quantize well; `zoo.detection` decodes them to boxes.
    """
    from keras import layers

    return layers.Conv2D(anchors * (5 + classes), 1, name=name)(x)


def preprocess(*, resolution: int = 416, **_: object) -> Preprocessing:
    """Return how a photo becomes the input: all of it, stretched to the square.

    Bochkovskiy's Darknet measures AP this way; Redmon's keeps the proportions and fills the rest with grey.
    """
    unit = conventions.find("unit")
    return Preprocessing(
        height=resolution,
        width=resolution,
        resize="bilinear",
        scale=unit.scale,
        offset=unit.offset,
        fit="stretch",
        crop_fraction=1.0,
    )
