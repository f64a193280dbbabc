"""AlexNet: the network whose margin at ImageNet 2012 established convolutional networks.

Krizhevsky, Sutskever, Hinton 2012, "ImageNet Classification with Deep Convolutional Neural Networks",
https://papers.nips.cc/paper/4824. Built in one column of layers, as Krizhevsky wrote it two years later, "One weird
trick for parallelizing convolutional neural networks", https://arxiv.org/abs/1404.5997, and without response
normalization, as torchvision has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.architecture import Architecture, register
from zoo.inputs import photo
from zoo.preprocessing import Preprocessing, conventions
from zoo.pretrained import alexnet as pretrained

if TYPE_CHECKING:
    import keras

# Of conv1 to conv5, as in torchvision and in Krizhevsky's own layers-imagenet-1gpu.cfg (cuda-convnet2). Footnote 1 of
# "One weird trick" has 384 for conv4.
CHANNELS = (64, 192, 384, 256, 256)


def build(
    *,
    channels: tuple[int, int, int, int, int] = CHANNELS,
    hidden: int = 4096,
    dropout: float = 0.5,
    stride: int = 4,
    resolution: int = 224,
    classes: int = 1000,
) -> keras.Model:
    """Return AlexNet: images (N, resolution, resolution, 3), less the mean, to logits (N, classes).

    In 2012 each of two graphics cards held half of every layer, and conv2, conv4 and conv5 read only the half on their
    own card: a way around 3 GB of memory, not an idea about images. The single column of 2014 is what AlexNet means in
    code today. It still had the response normalization (section 3.3), which torchvision and this build leave out: it
    gave 1.4 points, later networks gained more from batch norm, and it has no integer form.

    Args:
        channels: of the five convolutions.
        hidden: units of the two dense layers before the last.
        dropout: before each of these, in training.
        stride: of the first convolution; small images need a smaller one.
        resolution: the side of the input.
        classes: length of the logits.
    """
    import keras
    from keras import layers

    image = keras.Input((resolution, resolution, 3), name="image")
    x = layers.ZeroPadding2D(2, name="conv1_pad")(image)
    x = layers.Conv2D(channels[0], 11, stride, activation="relu", name="conv1")(x)  # 55 x 55 x 64
    # Windows of 3 with stride 2 overlap, which made it a little harder to overfit (section 3.4).
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)  # 27 x 27 x 64
    x = layers.Conv2D(channels[1], 5, padding="same", activation="relu", name="conv2")(x)  # 27 x 27 x 192
    x = layers.MaxPooling2D(3, 2, name="pool2")(x)  # 13 x 13 x 192
    for index in (3, 4, 5):  # 13 x 13 x 384, 13 x 13 x 256, 13 x 13 x 256
        x = layers.Conv2D(channels[index - 1], 3, padding="same", activation="relu", name=f"conv{index}")(x)
    x = layers.MaxPooling2D(3, 2, name="pool5")(x)  # 6 x 6 x 256
    x = layers.Flatten(name="flatten")(x)  # 9216
    for name in ("fc6", "fc7"):
        # Section 4.2: each unit is zero half of the time, so that none can rely on another.
        x = layers.Dropout(dropout, name=f"{name}_dropout")(x)
        x = layers.Dense(hidden, activation="relu", name=name)(x)
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(image, logits, name="alexnet")


def preprocess(*, resolution: int = 224, **_: object) -> Preprocessing:
    """Return how a photo becomes the input: as torchvision evaluated, bilinear, less mean, by deviation."""
    torch = conventions.find("torch")
    return Preprocessing(height=resolution, width=resolution, resize="bilinear", scale=torch.scale, offset=torch.offset)


TINY = {
    "channels": (8, 32, 48, 32, 32),
    "hidden": 96,
    "dropout": 0.02,
    "stride": 1,
    "resolution": 32,
    "classes": 10,
}

ALEXNET = register(
    Architecture(
        name="alexnet",
        title="AlexNet (Krizhevsky et al., 2012; one column, 2014)",
        task="classification",
        paper="https://arxiv.org/abs/1404.5997",
        build=build,
        inputs=photo(preprocess),
        parameter_count=61_100_840,
        classes=1000,
        labels="imagenet1k",
        tiny=TINY,
        weights=(pretrained.tiny(TINY),),
    )
)
