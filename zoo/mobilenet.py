"""MobileNet v1: depthwise separable convolutions, with a width and a resolution to choose.

Howard et al. 2017, "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
https://arxiv.org/abs/1704.04861. Layer names are those of keras.applications: weights compare by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, Option, register
from zoo.inputs import photo
from zoo.preprocessing import Preprocessing
from zoo.pretrained import mobilenet as pretrained

if TYPE_CHECKING:
    import keras

# Output channels and stride of each depthwise separable block: table 1 of the paper. It prints "s2" for the last block
# too, but its sizes (7x7 in, 7x7 out) and every implementation have stride 1.
BLOCKS = (
    (64, 1),  # 112 x 112 x 64
    *((128, 2), (128, 1)),  # 56 x 56 x 128
    *((256, 2), (256, 1)),  # 28 x 28 x 256
    *((512, 2), *[(512, 1)] * 5),  # 14 x 14 x 512
    *((1024, 2), (1024, 1)),  # 7 x 7 x 1024
)
EPSILON = 1e-3
ALPHA = Option(default=1.0, choices=(0.25, 0.5, 0.75, 1.0), meaning="width: share of the channels kept")
CHANNELS = Option(default=3, choices=(1, 3), meaning="of the photo: 3, or 1 for a grey one")


def build(
    *,
    alpha: float = 1.0,
    resolution: int = 224,
    channels: int = 3,
    classes: int = 1000,
    blocks: Sequence[tuple[int, int]] = BLOCKS,
) -> keras.Model:
    """Return MobileNet v1: images (N, resolution, resolution, channels) in [-1, 1] to logits (N, classes).

    Args:
        alpha: the width multiplier of section 3.3; every layer has `int(alpha * channels)` channels.
        resolution: the side of the input, section 3.4.
        channels: of the photo: 3, or 1 for a grey one.
        classes: length of the logits.
        blocks: (output channels before alpha, stride) of each block.
    """
    import keras
    from keras import layers

    def normalise(x: Any, name: str) -> Any:
        x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)
        return layers.ReLU(6.0, name=f"{name}_relu")(x)

    def separable(x: Any, wide: int, stride: int, index: int) -> Any:
        # Figure 3, right: 3x3 filtering per channel, then a 1x1 convolution that mixes the channels.
        x = layers.DepthwiseConv2D(3, stride, "same", use_bias=False, name=f"conv_dw_{index}")(x)
        x = normalise(x, f"conv_dw_{index}")
        x = layers.Conv2D(int(wide * alpha), 1, use_bias=False, name=f"conv_pw_{index}")(x)
        return normalise(x, f"conv_pw_{index}")

    image = keras.Input((resolution, resolution, channels), name="image")
    x = layers.Conv2D(int(32 * alpha), 3, 2, "same", use_bias=False, name="conv1")(image)  # 112 x 112 x 32
    x = normalise(x, "conv1")
    for index, (wide, stride) in enumerate(blocks, start=1):
        x = separable(x, wide, stride, index)
    x = layers.GlobalAveragePooling2D(keepdims=True, name="pool")(x)  # 1 x 1 x 1024
    x = layers.Dropout(1e-3, name="dropout")(x)
    # The classifier as a 1x1 convolution: the same computation as a dense layer, quantized per channel like the rest.
    x = layers.Conv2D(classes, 1, name="conv_preds")(x)
    logits = layers.Reshape((classes,), name="logits")(x)
    return keras.Model(image, logits, name="mobilenet")


def preprocess(*, resolution: int = 224, channels: int = 3, **_: object) -> Preprocessing:
    """Return how a photo becomes the input: bytes to [-1, 1].

    Bilinear, and the central 7/8, as Google evaluated it (tensorflow/models: inception_preprocessing.py).
    """
    return Preprocessing(
        height=resolution,
        width=resolution,
        colours="GRAY" if channels == 1 else "RGB",
        resize="bilinear",
        scale=(1 / 127.5,),
        offset=(-1.0,),
    )


TINY = {"alpha": 0.25, "resolution": 32, "classes": 10, "blocks": BLOCKS[:8]}

MOBILENET = register(
    Architecture(
        name="mobilenet",
        title="MobileNet v1 (Howard et al., 2017)",
        task="classification",
        paper="https://arxiv.org/abs/1704.04861",
        build=build,
        inputs=photo(preprocess),
        parameter_count=4_253_864,
        classes=1000,
        labels="imagenet1k",
        options={
            "alpha": ALPHA,
            "resolution": Option(default=224, choices=(96, 128, 160, 192, 224), meaning="side of the input, in pixels"),
            "channels": CHANNELS,
        },
        tiny=TINY,
        weights=(pretrained.IMAGENET, pretrained.tiny(TINY)),
    )
)
