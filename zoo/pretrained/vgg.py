"""Trained weights of VGG: Oxford's, CC BY 4.0, as Keras converted them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.pinned import Weights
from zoo.pretrained import shipped
from zoo.pretrained.imagenet import from_keras, imagenet
from zoo.weights.stored_order import in_order

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Array


def from_keras_h5(arrays: Mapping[str, Array], model: keras.Model) -> dict[str, Array]:
    """Return the weights of keras.applications' file by our names."""
    return in_order(arrays, [weight.path for weight in model.weights])


def _imagenet(layers: int, md5: str) -> Weights:
    path = f"tensorflow/keras-applications/vgg{layers}/vgg{layers}_weights_tf_dim_ordering_tf_kernels.h5"
    return imagenet("CC-BY-4.0", from_keras(path, md5, from_keras_h5))


# By the number of layers with weights.
IMAGENET = {
    16: _imagenet(16, "64373286793e3c8b2b4e3219cbf3544b"),
    19: _imagenet(19, "cbe5617147190e668d6c5d5026f83318"),
}


def tiny(options: Mapping[str, Any]) -> Weights:
    """Return the weights of the tiny variant, which is built with `options`."""
    sha256 = "247d01bbb77b53b4f8a3ddcc6e61dfcfa5b9cf4b591dbe6ad43490203e267cfd"
    return shipped.tiny_fashion_mnist("vgg_tiny-fashion_mnist.npz", sha256, options)
