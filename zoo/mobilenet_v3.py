"""MobileNet v3: inverted residuals found by search, with squeeze-and-excite and a swish for integer arithmetic.

Howard et al. 2019, "Searching for MobileNetV3", https://arxiv.org/abs/1905.02244. Layer names are those of
keras.applications but for the last: weights compare by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from zoo.architecture import Architecture, Option, register
from zoo.inputs import photo
from zoo.layers.channel_count import rounded
from zoo.preprocessing import Preprocessing
from zoo.pretrained import mobilenet_v3 as pretrained

if TYPE_CHECKING:
    import keras

Activation = Literal["relu", "hard_swish"]
Block = tuple[int, int, int, bool, Activation, int]

# Kernel size, expanded channels, output channels, squeeze-and-excite, activation, stride of each block. After a block
# that changes it, the shape of the output.
LARGE: tuple[Block, ...] = (  # table 1 of the paper
    (3, 16, 16, False, "relu", 1),  # 112 x 112 x 16
    (3, 64, 24, False, "relu", 2),  # 56 x 56 x 24
    (3, 72, 24, False, "relu", 1),
    (5, 72, 40, True, "relu", 2),  # 28 x 28 x 40
    (5, 120, 40, True, "relu", 1),
    (5, 120, 40, True, "relu", 1),
    (3, 240, 80, False, "hard_swish", 2),  # 14 x 14 x 80
    (3, 200, 80, False, "hard_swish", 1),
    (3, 184, 80, False, "hard_swish", 1),
    (3, 184, 80, False, "hard_swish", 1),
    (3, 480, 112, True, "hard_swish", 1),  # 14 x 14 x 112
    (3, 672, 112, True, "hard_swish", 1),
    (5, 672, 160, True, "hard_swish", 2),  # 7 x 7 x 160
    (5, 960, 160, True, "hard_swish", 1),
    (5, 960, 160, True, "hard_swish", 1),
)
SMALL: tuple[Block, ...] = (  # table 2
    (3, 16, 16, True, "relu", 2),  # 56 x 56 x 16
    (3, 72, 24, False, "relu", 2),  # 28 x 28 x 24
    (3, 88, 24, False, "relu", 1),
    (5, 96, 40, True, "hard_swish", 2),  # 14 x 14 x 40
    (5, 240, 40, True, "hard_swish", 1),
    (5, 240, 40, True, "hard_swish", 1),
    (5, 120, 48, True, "hard_swish", 1),  # 14 x 14 x 48
    (5, 144, 48, True, "hard_swish", 1),
    (5, 288, 96, True, "hard_swish", 2),  # 7 x 7 x 96
    (5, 576, 96, True, "hard_swish", 1),
    (5, 576, 96, True, "hard_swish", 1),
)
STEM = 16
EPSILON = 1e-3  # of batch norm, as in keras.applications


def build(
    *,
    alpha: float = 1.0,
    resolution: int = 224,
    classes: int = 1000,
    blocks: Sequence[Block] = LARGE,
    head: int = 1280,
) -> keras.Model:
    """Return MobileNet v3: images (N, resolution, resolution, 3) in [-1, 1] to logits (N, classes).

    Args:
        alpha: the width multiplier; every block has about that share of its channels, a multiple of 8.
        resolution: the side of the input.
        classes: length of the logits.
        blocks: the rows of table 1 or 2, before alpha.
        head: channels of the layer before the classifier, which alpha only widens.
    """
    import keras
    from keras import layers

    image = keras.Input((resolution, resolution, 3), name="image")
    x = layers.Conv2D(STEM, 3, 2, "same", use_bias=False, name="conv")(image)  # 112 x 112 x 16
    x = _normalise(x, "conv", "hard_swish")
    paper_input = STEM
    for index, (size, expanded, channels, excite, activation, stride) in enumerate(blocks):
        # The expansion factor of the paper, applied to the input of this block, as in Google's code.
        wide = rounded(x.shape[-1] * expanded / paper_input)
        name = f"expanded_conv_{index}_" if index else "expanded_conv_"
        x = _inverted_residual(x, size, wide, rounded(channels * alpha), excite, activation, stride, name)
        paper_input = channels
    x = layers.Conv2D(rounded(6 * x.shape[-1]), 1, use_bias=False, name="conv_1")(x)  # 7 x 7 x 960
    x = _normalise(x, "conv_1", "hard_swish")
    # Section 5.1: the last layer before the classifier runs behind the mean, at one place, and costs next to nothing.
    x = layers.GlobalAveragePooling2D(keepdims=True, name="avg_pool")(x)  # 1 x 1 x 960
    x = layers.Conv2D(rounded(head * max(alpha, 1.0)), 1, name="conv_2")(x)  # 1 x 1 x 1280
    x = layers.Activation("hard_swish", name="conv_2_activation")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    x = layers.Conv2D(classes, 1, name="predictions")(x)
    logits = layers.Reshape((classes,), name="logits")(x)
    return keras.Model(image, logits, name="mobilenet_v3")


def _inverted_residual(
    x: Any, size: int, wide: int, channels: int, excite: bool, activation: Activation, stride: int, name: str
) -> Any:
    """Figure 4: 1x1 up to `wide`, filters per channel, squeeze-and-excite, 1x1 down, and the sum."""
    from keras import layers

    block_input = x
    if wide != x.shape[-1]:  # the first block has nothing to expand
        x = layers.Conv2D(wide, 1, use_bias=False, name=f"{name}expand")(x)
        x = _normalise(x, f"{name}expand", activation)
    x = layers.DepthwiseConv2D(size, stride, "same", use_bias=False, name=f"{name}depthwise")(x)
    x = _normalise(x, f"{name}depthwise", activation)
    if excite:
        x = _squeeze_excite(x, f"{name}squeeze_excite_")
    x = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}project")(x)
    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}project_bn")(x)
    if stride == 1 and block_input.shape[-1] == channels:
        x = layers.Add(name=f"{name}add")([block_input, x])
    return x


def _squeeze_excite(x: Any, name: str) -> Any:
    """Weigh each channel by a function of the means of all channels (Hu et al. 2017, https://arxiv.org/abs/1709.01507).

    A quarter of the channels in between (section 5.3), and a sigmoid of straight lines: relu6(x + 3) / 6.
    """
    from keras import layers

    weigh = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}avg_pool")(x)
    weigh = layers.Conv2D(rounded(x.shape[-1] / 4), 1, name=f"{name}conv")(weigh)
    weigh = layers.ReLU(name=f"{name}relu")(weigh)
    weigh = layers.Conv2D(x.shape[-1], 1, name=f"{name}conv_1")(weigh)
    weigh = layers.Activation("hard_sigmoid", name=f"{name}hard_sigmoid")(weigh)
    return layers.Multiply(name=f"{name}mul")([x, weigh])


def _normalise(x: Any, name: str, activation: Activation) -> Any:
    """Batch norm, and ReLU or x * relu6(x + 3) / 6 (section 5.2)."""
    from keras import layers

    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)
    return layers.Activation(activation, name=f"{name}_activation")(x)


def preprocess(*, resolution: int = 224, **_: object) -> Preprocessing:
    """Return how a photo becomes the input: bytes to [-1, 1], bilinear, the central 7/8, as Google evaluated it."""
    return Preprocessing(height=resolution, width=resolution, resize="bilinear", scale=(1 / 127.5,), offset=(-1.0,))


TINY = {
    "resolution": 32,
    "classes": 10,
    "blocks": (
        (3, 16, 16, True, "relu", 1),
        (3, 64, 24, False, "relu", 2),
        (5, 96, 32, True, "hard_swish", 2),
        (5, 128, 32, True, "hard_swish", 1),
    ),
    "head": 128,
}


def _mobilenet_v3(
    size: Literal["small", "large"], blocks: Sequence[Block], head: int, parameter_count: int
) -> Architecture:
    """Register one of the two."""
    return register(
        Architecture(
            name=f"mobilenet_v3_{size}",
            title=f"MobileNet v3 {size} (Howard et al., 2019)",
            task="classification",
            paper="https://arxiv.org/abs/1905.02244",
            build=partial(build, blocks=blocks, head=head),
            inputs=photo(preprocess),
            parameter_count=parameter_count,
            classes=1000,
            labels="imagenet1k",
            options={
                "alpha": Option(default=1.0, choices=(0.75, 1.0), meaning="width: share of the channels kept"),
                "resolution": Option(
                    default=224, choices=(96, 128, 160, 192, 224, 256), meaning="side of the input, in pixels"
                ),
            },
            tiny=TINY,
            weights=(pretrained.IMAGENET[size], pretrained.tiny(TINY)),
        )
    )


MOBILENET_V3_SMALL = _mobilenet_v3("small", SMALL, 1024, 2_554_968)
MOBILENET_V3_LARGE = _mobilenet_v3("large", LARGE, 1280, 5_507_432)
