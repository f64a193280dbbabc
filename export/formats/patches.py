"""Patches of Keras for the time of a conversion, each with the condition for its removal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any


@contextmanager
def positions_of_extremes_by_one_operator() -> Iterator[None]:
    """Trace `ops.argmax` and `ops.argmin` of floats as one operator each.

    Patches keras 3.15.1: it puts -0.0 before 0.0 by means of the bits of a float, for which neither LiteRT nor ONNX has
    an operator. The files take -0.0 for equal to 0.0, of which the first is found.
    Ends with a version that compares no bits: tests/formats/test_positions.py fails then.
    """
    from keras.src.backend.tensorflow import numpy as module

    originals = {name: getattr(module, name) for name in ("argmax", "argmin")}
    for name in originals:
        setattr(module, name, partial(_position, name))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(module, name, original)


def _position(name: str, x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    import tensorflow as tf

    function: Callable[..., Any] = getattr(tf, name)
    given = tf.convert_to_tensor(x)
    values = tf.reshape(given, [-1]) if axis is None else given
    found = function(values, axis=axis, output_type="int32")
    if not keepdims:
        return found
    return tf.reshape(found, [1] * len(given.shape)) if axis is None else tf.expand_dims(found, axis)
