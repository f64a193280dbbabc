"""Trained weights of Xception: from Keras, MIT."""

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
    """Return the weights of keras.applications' file, whose convolutions are numbered, by our names."""
    return in_order(arrays, [weight.path for weight in model.weights])


IMAGENET = imagenet(
    "MIT",
    from_keras(
        "tensorflow/keras-applications/xception/xception_weights_tf_dim_ordering_tf_kernels.h5",
        "0a58e3b7378bc2990ea3b43d5981f1f6",
        from_keras_h5,
    ),
)


def tiny(options: Mapping[str, Any]) -> Weights:
    """Return the weights of the tiny variant, which is built with `options`."""
    sha256 = "f521e633cd9cce0744f505126d17043710ed25deb3325e3e9f02dce0a4812998"
    return shipped.tiny_fashion_mnist("xception_tiny-fashion_mnist.npz", sha256, options)
