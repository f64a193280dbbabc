"""ResNet-8 of MLPerf Tiny: a residual network for CIFAR-10 that fits a microcontroller.

Banbury et al. 2021, "MLPerf Tiny Benchmark", https://arxiv.org/abs/2106.07597: image classification; He et al.
2015, "Deep Residual Learning for Image Recognition", https://arxiv.org/abs/1512.03385, section 4.2. The reference is
github.com/mlcommons/tiny, benchmark/training/image_classification: three stacks of one block each, biases before batch
norm, and bytes as they are for an input. Different from it: logits instead of probabilities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, register
from zoo.inputs import photo
from zoo.preprocessing import Preprocessing
from zoo.pretrained import mlperf_resnet8 as pretrained

if TYPE_CHECKING:
    import keras

SIDE = 32  # pixels
STACKS = (1, 2, 4)  # times as many channels as the first convolution has; the second and the third halve the sides
EPSILON = 1e-3


def build(*, classes: int = 10, width: int = 16) -> keras.Model:
    """Return ResNet-8: photos (N, 32, 32, 3) as bytes in 0..255 to logits (N, classes).

    Args:
        classes: length of the logits.
        width: channels of the first convolution.
    """
    import keras
    from keras import layers

    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = layers.Conv2D(width, 3, padding="same", name="conv1")(image)  # 32 x 32 x 16
    x = layers.ReLU(name="conv1_relu")(_normalise(x, "conv1"))
    x = _block(x, width * STACKS[0], 1, "stack1")  # 32 x 32 x 16
    x = _block(x, width * STACKS[1], 2, "stack2")  # 16 x 16 x 32
    x = _block(x, width * STACKS[2], 2, "stack3")  # 8 x 8 x 64
    x = layers.AveragePooling2D(8, name="pool")(x)  # 1 x 1 x 64
    x = layers.Flatten(name="features")(x)  # 64
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(image, logits, name="mlperf_resnet8")


def _block(x: Any, channels: int, stride: int, name: str) -> Any:
    """Two convolutions, added to what they read; with a stride, a 1x1 convolution without batch norm fits that."""
    from keras import layers

    y = layers.Conv2D(channels, 3, stride, "same", name=f"{name}_conv1")(x)
    y = layers.ReLU(name=f"{name}_conv1_relu")(_normalise(y, f"{name}_conv1"))
    y = layers.Conv2D(channels, 3, padding="same", name=f"{name}_conv2")(y)
    y = _normalise(y, f"{name}_conv2")
    if stride > 1:
        x = layers.Conv2D(channels, 1, stride, "same", name=f"{name}_shortcut")(x)
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, y]))


def _normalise(x: Any, name: str) -> Any:
    from keras import layers

    return layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)


def preprocess(**_: object) -> Preprocessing:
    """Return how a photo becomes the input: RGB, 32 x 32, bytes as they are."""
    return Preprocessing(height=SIDE, width=SIDE, resize="bilinear", crop_fraction=1.0)


TINY = {"width": 8}

MLPERF_RESNET8 = register(
    Architecture(
        name="mlperf_resnet8",
        title="ResNet-8 of MLPerf Tiny (Banbury et al., 2021)",
        task="classification",
        paper="https://arxiv.org/abs/2106.07597",
        build=build,
        inputs=photo(preprocess),
        parameter_count=78_666,
        classes=10,
        labels="cifar10",
        tiny=TINY,
        weights=(pretrained.CIFAR10, pretrained.tiny(TINY)),
    )
)
