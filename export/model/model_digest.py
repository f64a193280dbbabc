"""A digest of all that a Keras model computes with: its layers, their order and their weights."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

MOST_NUMBERS = 250_000_000  # Files of more keep weights in a second file, and no result of theirs is kept.
# Packages whose code the digest of this project and the versions of the libraries stand for.
KNOWN_CODE = ("keras", "zoo", "calibration", "export", "training")


def model_digest(*models: keras.Model) -> str | None:
    """Return the digest of models; None if one has code of somebody else's, cannot be described, or is very large."""
    digest = hashlib.sha256()
    if sum(math.prod(variable.shape) for model in models for variable in model.weights) > MOST_NUMBERS:
        return None
    for model in models:
        if not all(_is_known(layer) for layer in model._flatten_layers()):
            return None
        try:
            digest.update(model.to_json().encode())
        except (TypeError, ValueError, NotImplementedError, AttributeError):
            return None
        for variable in model.weights:  # not the states of random numbers, which differ from run to run
            values = np.ascontiguousarray(variable.numpy())
            digest.update(f"{variable.path} {values.dtype} {values.shape}".encode())
            digest.update(values.data if values.ndim else values.tobytes())
    return digest.hexdigest()


def _is_known(layer: keras.Layer) -> bool:
    """Return whether a layer's code is that of Keras or of this project; a Lambda runs other code."""
    import keras

    return type(layer).__module__.split(".")[0] in KNOWN_CODE and not isinstance(layer, keras.layers.Lambda)
