"""DenseNet: every layer of a block reads the outputs of all layers before it.

Huang et al. 2016, "Densely Connected Convolutional Networks", https://arxiv.org/abs/1608.06993. This is DenseNet-BC,
with bottlenecks and compression. Layer names are those of keras.applications: weights compare by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, register
from zoo.inputs import photo
from zoo.preprocessing import Preprocessing, conventions
from zoo.pretrained import densenet as pretrained

if TYPE_CHECKING:
    import keras

# Layers in each of the four dense blocks, by the number of all: table 1 of the paper.
DEPTHS = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}
EPSILON = 1.001e-5  # of batch norm, as in keras.applications


def build(
    *, classes: int = 1000, resolution: int = 224, growth: int = 32, depths: Sequence[int] = DEPTHS[121]
) -> keras.Model:
    """Return DenseNet: images (N, resolution, resolution, 3), less mean, by deviation, to logits (N, classes).

    Args:
        classes: length of the logits.
        resolution: the side of the input.
        growth: channels that each layer adds, k of the paper.
        depths: layers in each dense block.
    """
    import keras
    from keras import layers

    image = keras.Input((resolution, resolution, 3), name="image")
    x = layers.ZeroPadding2D(3, name="conv1_pad")(image)
    x = layers.Conv2D(2 * growth, 7, 2, use_bias=False, name="conv1_conv")(x)  # 112 x 112 x 64
    x = _normalise(x, "conv1_")
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)  # 56 x 56 x 64
    # After the blocks 56 x 56 x 256, 28 x 28 x 512, 14 x 14 x 1024, 7 x 7 x 1024; after the transitions between them
    # 28 x 28 x 128, 14 x 14 x 256, 7 x 7 x 512.
    for stage, depth in enumerate(depths, start=2):
        if stage > 2:
            x = _transition(x, f"pool{stage - 1}_")
        for index in range(1, depth + 1):
            x = _dense_layer(x, growth, f"conv{stage}_block{index}_")
    x = _normalise(x, "")
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)  # 1024
    logits = layers.Dense(classes, name="logits")(x)
    return keras.Model(image, logits, name="densenet")


def _dense_layer(x: Any, growth: int, name: str) -> Any:
    """Section 3: 1x1 to 4 x growth channels (the bottleneck), 3x3 to `growth`, concatenated with the input.

    Batch norm and ReLU come before a convolution, so that each reader of a channel normalises it in its own way.
    """
    from keras import layers

    new = _normalise(x, f"{name}0_")
    new = layers.Conv2D(4 * growth, 1, use_bias=False, name=f"{name}1_conv")(new)
    new = _normalise(new, f"{name}1_")
    new = layers.Conv2D(growth, 3, padding="same", use_bias=False, name=f"{name}2_conv")(new)
    return layers.Concatenate(name=f"{name}concat")([x, new])


def _transition(x: Any, name: str) -> Any:
    """Between two dense blocks: half the channels (compression 0.5, section 3), half the side."""
    from keras import layers

    x = _normalise(x, name)
    x = layers.Conv2D(x.shape[-1] // 2, 1, use_bias=False, name=f"{name}conv")(x)
    return layers.AveragePooling2D(2, 2, name=f"{name}pool")(x)


def _normalise(x: Any, name: str) -> Any:
    """Batch norm and ReLU."""
    from keras import layers

    x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}bn")(x)
    return layers.ReLU(name=f"{name}relu")(x)


def preprocess(*, resolution: int = 224, **_: object) -> Preprocessing:
    """Return how a photo becomes the input: RGB, bilinear, less mean, by deviation, as in Torch."""
    torch = conventions.find("torch")
    return Preprocessing(height=resolution, width=resolution, resize="bilinear", scale=torch.scale, offset=torch.offset)


TINY = {"classes": 10, "resolution": 32, "growth": 8, "depths": (3, 4, 4)}


def _densenet(layers: int, parameter_count: int) -> Architecture:
    """Register the network of that many layers."""
    return register(
        Architecture(
            name=f"densenet{layers}",
            title=f"DenseNet-{layers} (Huang et al., 2016)",
            task="classification",
            paper="https://arxiv.org/abs/1608.06993",
            build=partial(build, depths=DEPTHS[layers]),
            inputs=photo(preprocess),
            parameter_count=parameter_count,
            classes=1000,
            labels="imagenet1k",
            tiny=TINY,
            weights=(pretrained.IMAGENET[layers], pretrained.tiny(TINY)),
        )
    )


DENSENET121 = _densenet(121, 8_062_504)
DENSENET169 = _densenet(169, 14_307_880)
DENSENET201 = _densenet(201, 20_242_984)
