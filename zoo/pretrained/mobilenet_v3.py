"""Trained weights of MobileNet v3: Google's, Apache-2.0, as Keras converted them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.pinned import Weights
from zoo.pretrained import shipped
from zoo.pretrained.imagenet import from_keras, imagenet

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Array


def from_keras_h5(arrays: Mapping[str, Array], _: keras.Model) -> dict[str, Array]:
    """Return the weights of keras.applications' file by our names.

    Its layers are called as in Keras 2, after Google's scopes: `expanded_conv_1/expand/BatchNorm` is now
    `expanded_conv_1_expand_bn`, and `Logits`, in Keras 3 `logits`, is our `predictions`.
    """
    weights = {}
    for stored, array in arrays.items():
        layer, _, kind = stored.rpartition("/")
        layer = layer.lower().replace("/batchnorm", "_bn").replace("/", "_")
        weights[f"{'predictions' if layer == 'logits' else layer}/{kind}"] = array
    return weights


def _imagenet(size: str, md5: str) -> Weights:
    path = f"tensorflow/keras-applications/mobilenet_v3/weights_mobilenet_v3_{size}_224_1.0_float.h5"
    return imagenet("Apache-2.0", from_keras(path, md5, from_keras_h5))


IMAGENET = {
    "small": _imagenet("small", "8768d4c2e7dee89b9d02b2d03d65d862"),
    "large": _imagenet("large", "59e551e166be033d707958cf9e29a6a7"),
}


def tiny(options: Mapping[str, Any]) -> Weights:
    """Return the weights of the tiny variant, which is built with `options`."""
    sha256 = "b693f46591da42988b7e2d74dcd5d71a6d7f2dc620fc7a7c04f2a5e5a10d2e05"
    return shipped.tiny_fashion_mnist("mobilenet_v3_tiny-fashion_mnist.npz", sha256, options)
