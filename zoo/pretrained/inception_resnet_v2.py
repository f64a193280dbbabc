"""Trained weights of Inception-ResNet v2: Google's, Apache-2.0, as Keras converted them."""

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
        "tensorflow/keras-applications/inception_resnet_v2/inception_resnet_v2_weights_tf_dim_ordering_tf_kernels.h5",
        "e693bd0210a403b3192acc6073ad2e96",
        from_keras_h5,
    ),
)


def tiny(options: Mapping[str, Any]) -> Weights:
    """Return the weights of the tiny variant, which is built with `options`."""
    sha256 = "8163361fd4cf09fa528a5b0ce7e792d8675de5fe02042f842d07ac2768c50adc"
    return shipped.tiny_fashion_mnist("inception_resnet_v2_tiny-fashion_mnist.npz", sha256, options)
