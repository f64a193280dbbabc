"""Trained weights of Inception v3: Google's, Apache-2.0, as Keras converted them."""

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
    "Apache-2.0",
    from_keras(
        "tensorflow/keras-applications/inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels.h5",
        "9a0d58056eeedaa3f26cb7ebd46da564",
        from_keras_h5,
    ),
)


def tiny(options: Mapping[str, Any]) -> Weights:
    """Return the weights of the tiny variant, which is built with `options`."""
    sha256 = "d2702a2b65949c9134dd3d600e742469a0eddd33b494ce0538c18a70f321c2c3"
    return shipped.tiny_fashion_mnist("inception_v3_tiny-fashion_mnist.npz", sha256, options)
