"""EfficientNet: one small network, scaled in width, depth and resolution by one rule.

Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
https://arxiv.org/abs/1905.11946. Layer names are those of keras.applications: weights compare by name.
"""

from __future__ import annotations

import math
import string
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, register
from zoo.inputs import photo
from zoo.layers.channel_count import rounded
from zoo.preprocessing import Preprocessing, conventions
from zoo.pretrained import efficientnet as pretrained

if TYPE_CHECKING:
    import keras

Stage = tuple[int, int, int, int, int]

# Expansion, kernel size, output channels, number of blocks, stride of the first of them: table 1 of the paper. After
# each stage, its output in B0.
STAGES: tuple[Stage, ...] = (
    (1, 3, 16, 1, 1),  # 112 x 112 x 16
    (6, 3, 24, 2, 2),  # 56 x 56 x 24
    (6, 5, 40, 2, 2),  # 28 x 28 x 40
    (6, 3, 80, 3, 2),  # 14 x 14 x 80
    (6, 5, 112, 3, 1),  # 14 x 14 x 112
    (6, 5, 192, 4, 2),  # 7 x 7 x 192
    (6, 3, 320, 1, 1),  # 7 x 7 x 320
)
# Width, depth, resolution and dropout of B0 to B7: the paper has the rule (section 3.3: width 1.1^phi, depth 1.2^phi,
# resolution 1.15^phi) but not the rounded values, which are in Google's efficientnet_builder.py.
SCALING = (
    (1.0, 1.0, 224, 0.2),
    (1.0, 1.1, 240, 0.2),
    (1.1, 1.2, 260, 0.3),
    (1.2, 1.4, 300, 0.3),
    (1.4, 1.8, 380, 0.4),
    (1.6, 2.2, 456, 0.4),
    (1.8, 2.6, 528, 0.5),
    (2.0, 3.1, 600, 0.5),
)
EPSILON = 1e-3  # of batch norm
# Stochastic depth, section 5.2: the rate at which training leaves out the last block; earlier ones less often.
DROPPED_BLOCKS = 0.2


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
    """Return EfficientNet: images (N, resolution, resolution, 3), less mean, by deviation, to logits (N, classes).

    Args:
        width: factor of the channels of B0.
        depth: factor of the blocks of B0, rounded up in each stage.
        resolution: the side of the input.
        dropout: before the classifier, in training.
        classes: length of the logits.
        stages: (expansion, kernel size, output channels, blocks, stride of the first) of each stage of B0.
        stem: channels of the first convolution of B0.
        head: channels of the last.
    """
    import keras
    from keras import layers

    image = keras.Input((resolution, resolution, 3), name="image")
    x = layers.Conv2D(rounded(stem * width), 3, 2, "same", use_bias=False, name="stem_conv")(image)  # 112 x 112 x 32
    x = _normalise(x, "stem_")
    blocks = list(_blocks(stages, depth))
    for index, (name, expansion, size, channels, stride) in enumerate(blocks):
        drop_rate = DROPPED_BLOCKS * index / len(blocks)
        x = _inverted_residual(x, expansion, size, rounded(channels * width), stride, drop_rate, name)
    x = layers.Conv2D(rounded(head * width), 1, use_bias=False, name="top_conv")(x)  # 7 x 7 x 1280
    x = _normalise(x, "top_")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)  # 1280
    x = layers.Dropout(dropout, name="top_dropout")(x)
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(image, logits, name="efficientnet")


def _blocks(stages: Sequence[Stage], depth: float) -> Iterator[tuple[str, int, int, int, int]]:
    """Yield name, expansion, kernel size, channels and stride of every block."""
    for number, (expansion, size, channels, count, stride) in enumerate(stages, start=1):
        for index, letter in enumerate(string.ascii_lowercase[: math.ceil(count * depth)]):
            yield f"block{number}{letter}_", expansion, size, channels, stride if index == 0 else 1


def _inverted_residual(
    x: Any, expansion: int, size: int, channels: int, stride: int, drop_rate: float, name: str
) -> Any:
    """MBConv: 1x1 up to expansion x channels, filters per channel, squeeze-and-excite, 1x1 down, and the sum."""
    from keras import layers

    block_input = x
    if expansion > 1:
        x = layers.Conv2D(expansion * x.shape[-1], 1, use_bias=False, name=f"{name}expand_conv")(x)
        x = _normalise(x, f"{name}expand_")
    x = layers.DepthwiseConv2D(size, stride, "same", use_bias=False, name=f"{name}dwconv")(x)
    x = _normalise(x, name)
    x = _squeeze_excite(x, block_input.shape[-1] // 4, f"{name}se_")
    x = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}project_conv")(x)
    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}project_bn")(x)
    if stride == 1 and block_input.shape[-1] == channels:
        # One random decision per image: the whole block is left out, or none of it.
        x = layers.Dropout(drop_rate, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
        x = layers.Add(name=f"{name}add")([x, block_input])
    return x


def _squeeze_excite(x: Any, squeezed: int, name: str) -> Any:
    """Weigh each channel by a function of the means of all channels (Hu et al. 2017, https://arxiv.org/abs/1709.01507).

    `squeezed`, the channels in between, is a quarter of the block's input, not of the expanded channels.
    """
    from keras import layers

    weigh = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}squeeze")(x)
    weigh = layers.Conv2D(squeezed, 1, name=f"{name}reduce")(weigh)
    weigh = layers.Activation("swish", name=f"{name}reduce_activation")(weigh)
    weigh = layers.Conv2D(x.shape[-1], 1, name=f"{name}expand")(weigh)
    weigh = layers.Activation("sigmoid", name=f"{name}expand_activation")(weigh)
    return layers.Multiply(name=f"{name}excite")([x, weigh])


def _normalise(x: Any, name: str) -> Any:
    """Batch norm and swish, x * sigmoid(x) (Ramachandran et al. 2017, https://arxiv.org/abs/1710.05941)."""
    from keras import layers

    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}bn")(x)
    return layers.Activation("swish", name=f"{name}activation")(x)


_SMALLEST, _RIM = 224, 16  # pixels: B0's side, and what is cut off on each


def preprocess(*, resolution: int = 224, **_: object) -> Preprocessing:
    """Return how a photo becomes the input: bicubic, less mean, by deviation, all but a rim of 16, as Google evaluated.

    keras.applications does this in layers of its network; here it is data, as for every other network. In a build
    smaller than B0 the rim is the same share of the side as in B0.
    """
    torch = conventions.find("torch")
    whole = max(resolution, _SMALLEST)
    return Preprocessing(
        height=resolution,
        width=resolution,
        scale=torch.scale,
        offset=torch.offset,
        crop_fraction=whole / (whole + 2 * _RIM),
    )


TINY = {
    "width": 1.0,
    "depth": 1.0,
    "resolution": 32,
    "classes": 10,
    "stages": ((1, 3, 8, 1, 1), (6, 3, 16, 2, 2), (6, 5, 24, 1, 2), (6, 3, 32, 1, 1)),
    "stem": 8,
    "head": 192,
}


def _efficientnet(number: int, parameter_count: int) -> Architecture:
    """Register one row of `SCALING`."""
    width, depth, resolution, dropout = SCALING[number]
    return register(
        Architecture(
            name=f"efficientnet_b{number}",
            title=f"EfficientNet-B{number} (Tan and Le, 2019)",
            task="classification",
            paper="https://arxiv.org/abs/1905.11946",
            build=partial(build, width=width, depth=depth, resolution=resolution, dropout=dropout),
            inputs=photo(partial(preprocess, resolution=resolution)),
            parameter_count=parameter_count,
            classes=1000,
            labels="imagenet1k",
            tiny=TINY,
            weights=(pretrained.IMAGENET[number], pretrained.tiny(TINY)),
        )
    )


# All stored values, as keras.applications counts them, minus the seven of its normalization layer.
EFFICIENTNET_B0 = _efficientnet(0, 5_330_564)
EFFICIENTNET_B1 = _efficientnet(1, 7_856_232)
EFFICIENTNET_B2 = _efficientnet(2, 9_177_562)
EFFICIENTNET_B3 = _efficientnet(3, 12_320_528)
EFFICIENTNET_B4 = _efficientnet(4, 19_466_816)
EFFICIENTNET_B5 = _efficientnet(5, 30_562_520)
EFFICIENTNET_B6 = _efficientnet(6, 43_265_136)
EFFICIENTNET_B7 = _efficientnet(7, 66_658_680)
