"""Weights in a file of the user's, saved by Keras."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

SUFFIXES = (".h5", ".keras")


def load(model: keras.Model, path: Path) -> None:
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
        with warnings.catch_warnings(action="ignore"):
            model.load_weights(path)
    except (ValueError, OSError, KeyError, TypeError, zipfile.BadZipFile) as error:
        first_line = str(error).strip().partition("\n")[0]
        raise ValueError(first_line) from error
    if left := [weight.path for weight in model.weights if np.isnan(weight.numpy()).any()]:
        raise ValueError(f"it gives no number, or NaN, for {left[0]}")
