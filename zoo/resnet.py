"""ResNet v1 with bottleneck blocks: each block learns what to add to its input.

He et al. 2015, "Deep Residual Learning for Image Recognition", https://arxiv.org/abs/1512.03385. Layer names
are those of keras.applications: weights compare by name. ResNet-50, 101 and 152 are the paper's; ResNet-252 is not a
published network but the family extended by this project.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, register
from zoo.inputs import photo
from zoo.preprocessing import Preprocessing
from zoo.pretrained import resnet as pretrained

if TYPE_CHECKING:
    import keras

# Blocks in conv2_x to conv5_x: table 1 of the paper.
PUBLISHED = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
# ResNet-252 is this project's extension. As from 101 to 152 layers, only conv3_x and conv4_x grow, in the proportion of
# the 152 (8 to 36). The paper counts conv1, three layers per block and the classifier, which can never add up to 252;
# with the four projections of the shortcuts, 82 blocks do.
DEPTHS = PUBLISHED | {252: (3, 14, 62, 3)}
EPSILON = 1.001e-5  # of batch norm, as in keras.applications


def build(
    *, classes: int = 1000, resolution: int = 224, width: int = 64, depths: Sequence[int] = DEPTHS[50]
) -> keras.Model:
    """Return ResNet: images (N, resolution, resolution, 3), BGR less the mean, to logits (N, classes).

    Args:
        classes: length of the logits.
        resolution: the side of the input.
        width: channels of the first convolution, and of the first stage's inner ones; each stage doubles it.
        depths: blocks in each stage.
    """
    import keras
    from keras import layers

    image = keras.Input((resolution, resolution, 3), name="image")
    x = layers.ZeroPadding2D(3, name="conv1_pad")(image)
    x = layers.Conv2D(width, 7, 2, name="conv1_conv")(x)  # 112 x 112 x 64
    x = layers.BatchNormalization(epsilon=EPSILON, name="conv1_bn")(x)
    x = layers.ReLU(name="conv1_relu")(x)
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, 2, name="pool1_pool")(x)  # 56 x 56 x 64
    for stage, depth in enumerate(depths):  # 56 x 56 x 256, 28 x 28 x 512, 14 x 14 x 1024, 7 x 7 x 2048
        for index in range(depth):
            # The first block of conv3_x, conv4_x and conv5_x halves the side (table 1).
            stride = 2 if stage > 0 and index == 0 else 1
            x = _bottleneck(x, width << stage, stride, index == 0, f"conv{stage + 2}_block{index + 1}")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)  # 2048
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(image, logits, name="resnet")


def _bottleneck(x: Any, channels: int, stride: int, project: bool, name: str) -> Any:
    """Figure 5, right: 1x1 down, 3x3, 1x1 up to 4 x channels, and the sum with the input.

    The sum needs equal shapes: a stage's first block projects its input (option B of section 3.3).
    """
    from keras import layers

    def convolve(x: Any, channels: int, size: int, stride: int, part: int) -> Any:
        x = layers.Conv2D(channels, size, stride, "same", name=f"{name}_{part}_conv")(x)
        return layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_{part}_bn")(x)

    shortcut = convolve(x, 4 * channels, 1, stride, 0) if project else x
    x = layers.ReLU(name=f"{name}_1_relu")(convolve(x, channels, 1, stride, 1))
    x = layers.ReLU(name=f"{name}_2_relu")(convolve(x, channels, 3, 1, 2))
    x = convolve(x, 4 * channels, 1, 1, 3)
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([shortcut, x]))


def preprocess(*, resolution: int = 224, **_: object) -> Preprocessing:
    """Return how a photo becomes the input: BGR bytes less the mean colour of ImageNet, as Caffe did it."""
    return Preprocessing(
        height=resolution,
        width=resolution,
        resize="bilinear",
        colours="BGR",
        offset=(-103.939, -116.779, -123.68),
    )


TINY = {"classes": 10, "resolution": 32, "width": 12, "depths": (2, 2, 1)}


def _resnet(layers: int, parameter_count: int) -> Architecture:
    """Register the network of that many layers."""
    trained = [pretrained.IMAGENET[layers]] if layers in pretrained.IMAGENET else []
    return register(
        Architecture(
            name=f"resnet{layers}",
            title=f"ResNet-{layers} v1 (He et al., 2015)"
            if layers in PUBLISHED
            else f"ResNet-{layers} (not published: ResNet v1 of He et al., 2015, extended by this project)",
            task="classification",
            paper="https://arxiv.org/abs/1512.03385",
            build=partial(build, depths=DEPTHS[layers]),
            inputs=photo(preprocess),
            parameter_count=parameter_count,
            classes=1000,
            labels="imagenet1k",
            tiny=TINY,
            weights=(*trained, pretrained.tiny(TINY)),
        )
    )


RESNET50 = _resnet(50, 25_636_712)
RESNET101 = _resnet(101, 44_707_176)
RESNET152 = _resnet(152, 60_419_944)
RESNET252 = _resnet(252, 91_280_744)
