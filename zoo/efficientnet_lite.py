"""EfficientNet-Lite: EfficientNet for phones, without what their accelerators cannot do.

Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
https://arxiv.org/abs/1905.11946; Lite, 2020: no squeeze-and-excite, ReLU6 instead of swish, stem and head of one size,
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite. Layer names are those of
keras.applications' EfficientNet.
"""

from __future__ import annotations

import math
import string
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, register
from zoo.efficientnet import STAGES, Stage
from zoo.inputs import photo
from zoo.layers.channel_count import rounded
from zoo.preprocessing import Preprocessing
from zoo.pretrained import efficientnet_lite as pretrained

if TYPE_CHECKING:
    import keras

# Width, depth, resolution and dropout of Lite0 to Lite4: efficientnet_lite_builder.py.
SCALING = (
    (1.0, 1.0, 224, 0.2),
    (1.0, 1.1, 240, 0.2),
    (1.1, 1.2, 260, 0.3),
    (1.2, 1.4, 280, 0.3),
    (1.4, 1.8, 300, 0.3),
)
EPSILON = 1e-3


def build(
    *,
    width: float = 1.0,
    depth: float = 1.0,
    resolution: int = 224,
    dropout: float = 0.2,
    classes: int = 1000,
    stages: Sequence[Stage] = STAGES,
    stem: int = 32,
    head: int = 1280,
) -> keras.Model:
    """Return EfficientNet-Lite: images (N, resolution, resolution, 3) in [-1, 1] to logits (N, classes).

    Args:
        width: factor of the channels of Lite0.
        depth: factor of the blocks of Lite0; the first and the last stage keep theirs.
        resolution: the side of the input.
        dropout: before the classifier, in training.
        classes: length of the logits.
        stages: (expansion, kernel size, output channels, blocks, stride of the first) of each stage of Lite0.
        stem: channels of the first convolution.
        head: channels of the last.
    """
    import keras
    from keras import layers

    image = keras.Input((resolution, resolution, 3), name="image")
    x = layers.Conv2D(stem, 3, 2, "same", use_bias=False, name="stem_conv")(image)  # 112 x 112 x 32
    x = _normalise(x, "stem_")
    # 112 x 112 x 16, 56 x 56 x 24, 28 x 28 x 40, 14 x 14 x 80, 14 x 14 x 112, 7 x 7 x 192, 7 x 7 x 320
    for name, expansion, size, channels, stride in _blocks(stages, depth):
        x = _inverted_residual(x, expansion, size, rounded(channels * width), stride, f"{name}_")
    x = layers.Conv2D(head, 1, use_bias=False, name="top_conv")(x)  # 7 x 7 x 1280
    x = _normalise(x, "top_")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)  # 1280
    x = layers.Dropout(dropout, name="top_dropout")(x)
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(image, logits, name="efficientnet_lite")


def _blocks(stages: Sequence[Stage], depth: float) -> Iterator[tuple[str, int, int, int, int]]:
    """Yield name, expansion, kernel size, channels and stride of every block."""
    for number, (expansion, size, channels, count, stride) in enumerate(stages, start=1):
        # Lite makes neither the first nor the last stage deeper.
        blocks = count if number in (1, len(stages)) else math.ceil(count * depth)
        for index, letter in enumerate(string.ascii_lowercase[:blocks]):
            yield f"block{number}{letter}", expansion, size, channels, stride if index == 0 else 1


def _inverted_residual(x: Any, expansion: int, size: int, channels: int, stride: int, name: str) -> Any:
    """MBConv: 1x1 up to expansion x channels, one filter per channel, 1x1 down without activation, and the sum."""
    from keras import layers

    block_input = x
    if expansion > 1:
        x = layers.Conv2D(expansion * x.shape[-1], 1, use_bias=False, name=f"{name}expand_conv")(x)
        x = _normalise(x, f"{name}expand_")
    x = layers.DepthwiseConv2D(size, stride, "same", use_bias=False, name=f"{name}dwconv")(x)
    x = _normalise(x, name)
    x = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}project_conv")(x)
    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}project_bn")(x)
    if stride == 1 and block_input.shape[-1] == channels:
        x = layers.Add(name=f"{name}add")([x, block_input])
    return x


def _normalise(x: Any, name: str) -> Any:
    """Batch norm and ReLU6."""
    from keras import layers

    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}bn")(x)
    return layers.ReLU(6.0, name=f"{name}activation")(x)


def preprocess(*, resolution: int = 224, **_: object) -> Preprocessing:
    """Return how a photo becomes the input: (byte - 127) / 128 as Google has it, bicubic, the central 7/8.

    Google evaluates Lite bilinearly, and the central side of side + 32, which is 7/8 at 224 alone.
    """
    return Preprocessing(height=resolution, width=resolution, scale=(1 / 128,), offset=(-127 / 128,))


TINY = {
    "width": 1.0,
    "depth": 1.0,
    "resolution": 32,
    "classes": 10,
    "stages": ((1, 3, 8, 1, 1), (6, 3, 8, 2, 2), (6, 5, 16, 3, 2), (6, 3, 24, 2, 1)),
    "stem": 8,
    "head": 256,
}


def _lite(number: int, parameter_count: int) -> Architecture:
    """Register one row of `SCALING`."""
    width, depth, resolution, dropout = SCALING[number]
    return register(
        Architecture(
            name=f"efficientnet_lite{number}",
            title=f"EfficientNet-Lite{number} (Tan and Le, 2019)",
            task="classification",
            paper="https://arxiv.org/abs/1905.11946",
            build=partial(build, width=width, depth=depth, resolution=resolution, dropout=dropout),
            inputs=photo(partial(preprocess, resolution=resolution)),
            parameter_count=parameter_count,
            classes=1000,
            labels="imagenet1k",
            tiny=TINY,
            weights=(*pretrained.IMAGENET[number : number + 1], pretrained.tiny(TINY)),
        )
    )


EFFICIENTNET_LITE0 = _lite(0, 4_694_024)
EFFICIENTNET_LITE1 = _lite(1, 5_470_344)
EFFICIENTNET_LITE2 = _lite(2, 6_150_168)
EFFICIENTNET_LITE3 = _lite(3, 8_273_768)
EFFICIENTNET_LITE4 = _lite(4, 13_118_936)
