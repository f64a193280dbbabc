"""MobileNet v2: inverted residuals, blocks that are wide inside and narrow at the sum.

Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", https://arxiv.org/abs/1801.04381.
Layer names are those of keras.applications: weights compare by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from zoo.architecture import Architecture, Option, register
from zoo.inputs import photo
from zoo.layers.channel_count import rounded
from zoo.preprocessing import Preprocessing, conventions
from zoo.pretrained import mobilenet_v2 as pretrained

if TYPE_CHECKING:
    import keras

Padding = Literal["symmetric", "same"]
Stage = tuple[int, int, int, int]

# Expansion t, output channels c, number of blocks n, stride s of the first of them: table 2 of the paper. After each
# row, its output.
STAGES: tuple[Stage, ...] = (
    (1, 16, 1, 1),  # 112 x 112 x 16
    (6, 24, 2, 2),  # 56 x 56 x 24
    (6, 32, 3, 2),  # 28 x 28 x 32
    (6, 64, 4, 2),  # 14 x 14 x 64
    (6, 96, 3, 1),  # 14 x 14 x 96
    (6, 160, 3, 2),  # 7 x 7 x 160
    (6, 320, 1, 1),  # 7 x 7 x 320
)
EPSILON = 1e-5  # of batch norm in PyTorch; keras.applications has 1e-3


def build(
    *,
    alpha: float = 1.0,
    resolution: int = 224,
    classes: int = 1000,
    stages: Sequence[Stage] = STAGES,
    head: int = 1280,
    padding: Padding = "symmetric",
    epsilon: float = EPSILON,
) -> keras.Model:
    """Return MobileNet v2: images (N, resolution, resolution, 3), less the mean, to logits (N, classes).

    Args:
        alpha: the width multiplier; every layer has about that share of its channels, a multiple of 8.
        resolution: the side of the input.
        classes: length of the logits.
        stages: (expansion, output channels before alpha, blocks, stride of the first) of each row of table 2.
        head: channels of the last convolution, which alpha only widens (section 4).
        padding: of the convolutions with stride 2, which the paper leaves open. "symmetric" is PyTorch's, one pixel
            on every side; "same" is TensorFlow's, none above and on the left if the side is even. Weights that
            were trained with the one are several points worse with the other.
        epsilon: of batch norm.
    """
    import keras
    from keras import layers

    blocks = _Blocks(padding, epsilon)
    image = keras.Input((resolution, resolution, 3), name="image")
    x = blocks.pad(image, 2, "Conv1_pad")
    x = layers.Conv2D(rounded(32 * alpha), 3, 2, blocks.mode(2), use_bias=False, name="Conv1")(x)  # 112 x 112 x 32
    x = blocks.activate(blocks.normalise(x, "bn_Conv1"), "Conv1_relu")
    index = 0
    for expansion, channels, count, first_stride in stages:
        for stride in (first_stride, *[1] * (count - 1)):
            x = blocks.inverted_residual(x, expansion, rounded(int(channels * alpha)), stride, index)
            index += 1
    x = layers.Conv2D(rounded(head * max(alpha, 1.0)), 1, use_bias=False, name="Conv_1")(x)  # 7 x 7 x 1280
    x = blocks.activate(blocks.normalise(x, "Conv_1_bn"), "out_relu")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)  # 1280
    x = layers.Dropout(0.2, name="dropout")(x)
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(image, logits, name="mobilenet_v2")


@dataclass(frozen=True)
class _Blocks:
    """The parts of the network, all with one padding and one epsilon."""

    padding: Padding
    epsilon: float

    def inverted_residual(self, x: Any, expansion: int, channels: int, stride: int, index: int) -> Any:
        """Table 1: 1x1 up to expansion x channels, 3x3 per channel, 1x1 down without activation, and the sum."""
        from keras import layers

        # The first block does not expand, and has another name in keras.applications.
        name = f"block_{index}" if index else "expanded_conv"
        block_input = x
        if expansion > 1:
            x = layers.Conv2D(expansion * x.shape[-1], 1, use_bias=False, name=f"{name}_expand")(x)
            x = self.activate(self.normalise(x, f"{name}_expand_BN"), f"{name}_expand_relu")
        x = self.pad(x, stride, f"{name}_pad")
        x = layers.DepthwiseConv2D(3, stride, self.mode(stride), use_bias=False, name=f"{name}_depthwise")(x)
        x = self.activate(self.normalise(x, f"{name}_depthwise_BN"), f"{name}_depthwise_relu")
        x = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_project")(x)
        x = self.normalise(x, f"{name}_project_BN")
        if stride == 1 and block_input.shape[-1] == channels:
            x = layers.Add(name=f"{name}_add")([block_input, x])
        return x

    def mode(self, stride: int) -> str:
        """Return the padding of a 3x3 convolution itself; with stride 1 both ways are equal."""
        return "valid" if self.padding == "symmetric" and stride == 2 else "same"

    def pad(self, x: Any, stride: int, name: str) -> Any:
        from keras import layers

        return layers.ZeroPadding2D(1, name=name)(x) if self.mode(stride) == "valid" else x

    def normalise(self, x: Any, name: str) -> Any:
        from keras import layers

        return layers.BatchNormalization(epsilon=self.epsilon, name=name)(x)

    def activate(self, x: Any, name: str) -> Any:
        from keras import layers

        return layers.ReLU(6.0, name=name)(x)


def preprocess(*, resolution: int = 224, **_: object) -> Preprocessing:
    """Return how a photo becomes the input: as torchvision evaluated, bilinear, less mean, by deviation."""
    torch = conventions.find("torch")
    return Preprocessing(height=resolution, width=resolution, resize="bilinear", scale=torch.scale, offset=torch.offset)


TINY = {
    "alpha": 0.35,
    "resolution": 32,
    "classes": 10,
    "stages": ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 2, 1)),
    "head": 256,
}

MOBILENET_V2 = register(
    Architecture(
        name="mobilenet_v2",
        title="MobileNet v2 (Sandler et al., 2018)",
        task="classification",
        paper="https://arxiv.org/abs/1801.04381",
        build=build,
        inputs=photo(preprocess),
        parameter_count=3_538_984,
        classes=1000,
        labels="imagenet1k",
        options={
            "alpha": Option(
                default=1.0, choices=(0.35, 0.5, 0.75, 1.0, 1.3, 1.4), meaning="width: share of the channels kept"
            ),
            "resolution": Option(default=224, choices=(96, 128, 160, 192, 224), meaning="side of the input, in pixels"),
        },
        tiny=TINY,
        weights=(pretrained.IMAGENET, pretrained.tiny(TINY)),
    )
)
