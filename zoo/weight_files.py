"""Weights in a file of the user's, saved by Keras."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.readers import keras_h5

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Adapt

SUFFIXES = (".h5", ".keras")


def load(model: keras.Model, path: Path, adapt_keras_2: Adapt | None = None) -> None:
    """Set every weight of `model` from a .weights.h5, .h5 or .keras file.

    Only numbers are read, also from a .keras file: its config, which may hold code, is not.

    Raises:
        ValueError: the file is damaged, of another model, or leaves a weight out; `model` is then spoilt.
    """
    import numpy as np

    # Keras skips in silence what some files lack: mark every weight, and look for marks afterwards.
    for weight in model.weights:
        weight.assign(np.full(weight.shape, np.nan))
    try:
        if keras_h5.is_keras_2(path):
            _load_keras_2(model, path, adapt_keras_2)
        else:
            with warnings.catch_warnings(action="ignore"):
                model.load_weights(path)
    except (ValueError, OSError, KeyError, TypeError, zipfile.BadZipFile) as error:
        first_line = str(error).strip().partition("\n")[0]
        raise ValueError(first_line) from error
    if left := [weight.path for weight in model.weights if np.isnan(weight.numpy()).any()]:
        raise ValueError(f"it gives no number, or NaN, for {left[0]}")


def _load_keras_2(model: keras.Model, path: Path, adapt: Adapt | None) -> None:
    """Load by name: Keras itself would go by order, and swap kernels of equal shape without a word."""
    from zoo.weights import assign

    arrays = keras_h5.read([path])
    assign(model, adapt(arrays) if adapt else arrays)
