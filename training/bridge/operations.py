"""One call of a layer or an operator while a model is mirrored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from training.bridge.layers import BridgeError


def called(operation: Any, *arguments: Any, **settings: Any) -> Any:
    """Return what a mirrored layer, or the counterpart of an operator of `keras.ops`, makes of the arguments.

    Raises:
        BridgeError: the operator has no counterpart.
    """
    import keras

    if not isinstance(operation, keras.Operation):  # a layer of tf_keras
        return operation(*arguments, **{key: value for key, value in settings.items() if key == "training" and value})
    if isinstance(operation, keras.layers.Identity):
        return arguments[0]  # what would stand between a convolution and its activation, where libraries look
    kind = type(operation).__name__
    if kind not in _operators():
        raise BridgeError(f"the operator {kind} ({operation.name}) has no counterpart in tf_keras")
    return _operators()[kind](*arguments, **settings)


def _operators() -> dict[str, Callable[..., Any]]:
    import tensorflow as tf

    return {
        "Add": tf.add,
        "Divide": tf.divide,
        "Exp": tf.exp,
        "GetItem": lambda x, key: x[key],
        "Multiply": tf.multiply,
        "Relu": tf.nn.relu,
        "Sigmoid": tf.sigmoid,
        "Subtract": tf.subtract,
        "TrueDivide": tf.divide,
    }
