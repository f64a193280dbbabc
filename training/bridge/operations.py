"""Calls layers and operators while a model is converted to tf_keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from training.bridge.layers import BridgeError


def call(operation: Any, *arguments: Any, **settings: Any) -> Any:
    """Return the output of a tf_keras layer, or of the TensorFlow equivalent of a Keras operator.

    Raises:
        BridgeError: the operator has no equivalent.
    """
    import keras

    if not isinstance(operation, keras.Operation):  # a tf_keras layer
        return operation(*arguments, **{key: value for key, value in settings.items() if key == "training" and value})
    if isinstance(operation, keras.layers.Identity):
        return arguments[0]  # libraries match a convolution directly followed by its activation
    kind = type(operation).__name__
    if kind not in _operators():
        raise BridgeError(f"the operator {kind} ({operation.name}) has no equivalent in tf_keras")
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
