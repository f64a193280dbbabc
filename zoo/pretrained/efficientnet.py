"""Trained weights of EfficientNet: Google's, Apache-2.0, as Keras converted them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.pinned import Weights
from zoo.pretrained import shipped
from zoo.pretrained.imagenet import from_keras, imagenet

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Array

_MD5 = (
    "902e53a9f72be733fc0bcb005b3ebbac",
    "1d254153d4ab51201f1646940f018540",
    "b15cce36ff4dcbd00b6dd88e7857a6ad",
    "ffd1fdc53d0ce67064dc6a9c7960ede0",
    "18c95ad55216b8f92d7e70b3a046e2fc",
    "ace28f2a6363774853a83a0b21b9421a",
    "165f6e37dce68623721b423839de8be5",
    "8c03f828fec3ef71311cd463b6759d99",
)


def from_keras_h5(arrays: Mapping[str, Array], _: keras.Model) -> dict[str, Array]:
    """Return the weights of keras.applications' file by our names.

    It also holds the mean and the variance of the colours, which are in our preprocessing.
    """
    return {
        name.replace("predictions/", "logits/").replace("probs/", "logits/"): array
        for name, array in arrays.items()
        if not name.startswith("normalization")
    }


# B0 to B7.
IMAGENET = tuple(
    imagenet("Apache-2.0", from_keras(f"keras-applications/efficientnetb{number}.h5", md5, from_keras_h5))
    for number, md5 in enumerate(_MD5)
)


def tiny(options: Mapping[str, Any]) -> Weights:
    """Return the weights of the tiny variant, which is built with `options`."""
    sha256 = "f5b5725c5f44c92a122c02e048047565711f1ec26c8035f5afe99d062e5b0daf"
    return shipped.tiny_fashion_mnist("efficientnet_tiny-fashion_mnist.npz", sha256, options)
