"""Trained weights of DenseNet: its authors', BSD-3-Clause, as Keras converted them."""

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

    Keras 2 called some layers by paths, `conv1/conv` and `conv1/bn`, and the last one `fc1000`.
    """
    weights = {}
    for stored, array in arrays.items():
        layer, _, kind = stored.rpartition("/")
        layer = layer.replace("/", "_")
        weights[f"{'logits' if layer in ('predictions', 'fc1000') else layer}/{kind}"] = array
    return weights


def _imagenet(layers: int, md5: str) -> Weights:
    path = f"tensorflow/keras-applications/densenet/densenet{layers}_weights_tf_dim_ordering_tf_kernels.h5"
    return imagenet("BSD-3-Clause", from_keras(path, md5, from_keras_h5))


# By the number of layers.
IMAGENET = {
    121: _imagenet(121, "9d60b8095a5708f2dcce2bca79d332c7"),
    169: _imagenet(169, "d699b8f76981ab1b30698df4c175e90b"),
    201: _imagenet(201, "1ceb130c1ea1b78c3bf6114dbdfd8807"),
}


def tiny(options: Mapping[str, Any]) -> Weights:
    """Return the weights of the tiny variant, which is built with `options`."""
    sha256 = "bf8b30fbd625dd676bdcae470f7d49e574b97f28bf83d67a7934628f7d73fd3d"
    return shipped.tiny_fashion_mnist("densenet_tiny-fashion_mnist.npz", sha256, options)
