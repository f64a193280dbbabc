"""Load weights from a file of the user's that Keras saved."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.weights.assignment import assign
from zoo.weights.readers import damage, keras_h5

if TYPE_CHECKING:
    import keras

    from zoo.pinned import Adapt

SUFFIXES = (".h5", ".keras")
# Messages of Keras 3 about a weight or a layer that does not fit; it prints the weight's values too.
_OTHER_SHAPE = re.compile(
    r"variable\.shape=(?P<wanted>\([^)]*\)), Received: value\.shape=(?P<stored>\([^)]*\)).*?path=(?P<path>[^,]+),",
    re.DOTALL,
)
_OTHER_COUNT = re.compile(r"Layer '(?P<layer>[^']*)' expected (?P<wanted>\d+) variables, but received (?P<stored>\d+)")


def load(model: keras.Model, path: Path, adapt_keras_2: Adapt | None = None) -> None:
    """Set every weight of `model` from a .weights.h5, .h5 or .keras file.

    Only weights are read: the config in a .keras file, which may contain code, is not.

    Raises:
        ValueError: the file is damaged, of another model, or lacks a weight; the weights of `model` are then undefined.
    """
    import numpy as np

    # Keras silently skips weights that a file lacks: mark every weight, and look for marks afterwards.
    for weight in model.weights:
        weight.assign(np.full(weight.shape, np.nan))
    try:
        if keras_h5.is_keras_2(path):
            _load_keras_2(model, path, adapt_keras_2)
        else:
            with warnings.catch_warnings(action="ignore"):
                model.load_weights(path)
    except damage.ERRORS as error:
        raise ValueError(_reason(str(error))) from error
    if left := [weight.path for weight in model.weights if np.isnan(weight.numpy()).any()]:
        raise ValueError(f"it gives no number, or NaN, for {left[0]}")


def _reason(complaint: str) -> str:
    """Return in one line which weight does not fit, from a message of Keras; the first line of other messages."""
    if found := _OTHER_SHAPE.search(complaint):
        return f"{found['path']} has shape {found['stored']}, the model wants {found['wanted']}"
    if found := _OTHER_COUNT.search(complaint):
        return f"layer {found['layer']} has {found['stored']} weights, the model wants {found['wanted']}"
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    of_many = len(lines) > 1 and "could not be loaded" in lines[0]  # the next line has the reason of the first
    return lines[of_many] if lines else "it cannot be read"


def _load_keras_2(model: keras.Model, path: Path, adapt: Adapt | None) -> None:
    """Load by name: Keras itself loads by order, and would silently swap kernels of equal shape."""
    arrays = keras_h5.read([path])
    assign(model, adapt(arrays, model) if adapt else arrays)
