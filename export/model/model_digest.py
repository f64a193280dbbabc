"""A digest of all that a Keras model computes with: its layers, their order and their weights."""

from __future__ import annotations

import hashlib
import math
import sys
import types
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

MOST_NUMBERS = 250_000_000  # Files of more keep weights in a second file, and no result of theirs is kept.
ROOT = Path(__file__).resolve().parents[2]
OWN_CODE = tuple(str(ROOT / package) for package in ("zoo", "calibration", "export", "training"))
# Layers that run code, or that have tables beside their weights.
WITH_MORE = ("Lambda", "TFSMLayer", "StringLookup", "IntegerLookup", "TextVectorization", "TorchModuleWrapper")
FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType)
LIBRARIES = ("keras", "tensorflow", "numpy", "builtins")


def model_digest(*models: keras.Model) -> str | None:
    """Return the digest of models; None if one has code of somebody else's, cannot be described, or is very large.

    Only the code of this project and of the libraries is named by a digest or a version (`export.cache`).
    """
    digest = hashlib.sha256()
    if sum(math.prod(variable.shape) for model in models for variable in model.weights) > MOST_NUMBERS:
        return None
    if not all(map(_is_known, models)):
        return None
    for model in models:
        try:
            digest.update(model.to_json().encode())
        except (TypeError, ValueError, NotImplementedError, AttributeError):
            return None
        for variable in model.weights:  # not the states of random numbers, which differ from run to run
            values = np.ascontiguousarray(variable.numpy())
            digest.update(f"{variable.path} {values.dtype} {values.shape}".encode())
            digest.update(values.data if values.ndim else values.tobytes())
    return digest.hexdigest()


def _is_known(model: keras.Model) -> bool:
    """Return whether all that a model computes is code of Keras or of this project."""
    operations = list(_operations(model))
    return all(
        _is_known_code(type(one))
        and type(one).__name__ not in WITH_MORE
        and all(_is_known_code(value) for value in vars(one).values() if callable(value))
        for one in operations
    )


def _operations(model: keras.Model) -> Iterator[Any]:
    """Yield the layers and operations of a model, also those of nested models and layers."""
    yield from model._flatten_layers()
    for layer in model._flatten_layers():
        yield from getattr(layer, "operations", ())


def _is_known_code(of: Any) -> bool:
    """Return whether a class or function is defined by a library that Keras brings, or by this project."""
    while isinstance(of, partial):
        of = of.func
    of = of if isinstance(of, (type, *FUNCTIONS)) else type(of)
    module = sys.modules.get(getattr(of, "__module__", None) or "")
    if module is None:
        return False
    if module.__name__.partition(".")[0] in LIBRARIES:
        return True
    file = getattr(module, "__file__", None)
    return file is not None and str(Path(file).resolve()).startswith(OWN_CODE)
