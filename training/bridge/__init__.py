"""Converts a Keras 3 model to tf_keras (Keras 2), and its weights back, for libraries that support only tf_keras.

    copied = bridge.to_tf_keras(model)     # a tf_keras model with the same layers, names and weights
    bridge.check(model, copied)            # raises BridgeError if the outputs differ
    ...                                    # train `copied` with tensorflow-model-optimization
    new = bridge.copy_back(copied, model)  # a new Keras 3 model with the weights of `copied`

tensorflow-model-optimization refuses Keras 3 models (github.com/tensorflow/model-optimization/issues/1119). Functional
and Sequential models of Keras's own layers can be converted; an error names the first layer that cannot. The models
share no variables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from training.bridge.layers import BridgeError, converted_layer
from training.bridge.operations import call

if TYPE_CHECKING:
    import keras
    import tf_keras

__all__ = ["BridgeError", "check", "copy_back", "set_weights", "to_tf_keras"]

# Tolerance for float rounding through a deep network, relative to the largest output.
_TOLERANCE = 1e-4
_SAMPLES = 2


def to_tf_keras(model: keras.Model) -> tf_keras.Model:
    """Return a tf_keras model with the layers, names and weights of `model`.

    Raises:
        BridgeError: the model is not functional, or has a layer or operator that tf_keras lacks.
    """
    import keras
    import tf_keras

    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    if not hasattr(model, "_run_through_graph"):
        raise BridgeError(f"{model.name} is a {type(model).__name__}; tf_keras needs a functional or Sequential model")
    layers: dict[int, Any] = {}

    def convert(operation: Any) -> Any:
        skipped = (keras.layers.InputLayer, keras.layers.Identity)
        if isinstance(operation, keras.Layer) and not isinstance(operation, skipped):
            return layers.setdefault(id(operation), converted_layer(operation))
        return operation

    inputs = [tf_keras.Input(tensor.shape[1:], name=_name(tensor), dtype=tensor.dtype) for tensor in model.inputs]
    outputs = model._run_through_graph(
        keras.tree.pack_sequence_as(model.input, inputs), operation_fn=convert, call_fn=call
    )
    new = tf_keras.Model(inputs, keras.tree.flatten(outputs), name=model.name)
    for layer in model.layers:
        if layer.weights:
            layers[id(layer)].set_weights(layer.get_weights())
    return new


def check(model: keras.Model, copied: tf_keras.Model, *, seed: int = 0) -> float:
    """Return the largest difference of the outputs for random inputs, relative to the largest output.

    Raises:
        BridgeError: the difference is larger than rounding errors, or shapes differ, or outputs are not finite.
    """
    rng = np.random.default_rng(seed)
    inputs = [rng.uniform(-1, 1, (_SAMPLES, *tensor.shape[1:])).astype(np.float32) for tensor in model.inputs]
    batch = inputs[0] if len(inputs) == 1 else inputs
    expected, actual = (_flat(one(batch, training=False)) for one in (model, copied))
    worst = 0.0
    for reference, output in zip(expected, actual, strict=True):
        if reference.shape != output.shape or not np.isfinite(output).all():
            raise BridgeError(
                f"the outputs of {model.name} and of its tf_keras copy differ in shape, or are not finite"
            )
        worst = max(worst, float(np.abs(reference - output).max() / max(np.abs(reference).max(), 1e-30)))
    if worst > _TOLERANCE:
        raise BridgeError(
            f"the outputs of the tf_keras copy of {model.name} differ by {worst:.1e} of the largest output"
        )
    return worst


def copy_back(copied: tf_keras.Model, model: keras.Model) -> keras.Model:
    """Return a copy of `model` with the weights of the layers with the same names in `copied`.

    Raises:
        BridgeError: a layer is missing in the tf_keras model, or its weights have other shapes.
    """
    import keras

    new = keras.models.clone_model(model)
    return set_weights(new, {layer.name: layer.get_weights() for layer in copied.layers})


def set_weights(model: keras.Model, weights: Mapping[str, Sequence[Any]]) -> keras.Model:
    """Set the weights of the layers of `model` by layer name, and return `model`.

    Raises:
        BridgeError: a layer is missing in the tf_keras model, or its weights have other shapes.
    """
    for layer in model.layers:
        if not layer.weights:
            continue
        if layer.name not in weights:
            raise BridgeError(f"the tf_keras copy has no layer {layer.name}")
        arrays = weights[layer.name]
        if [array.shape for array in arrays] != [tuple(weight.shape) for weight in layer.weights]:
            raise BridgeError(f"the layer {layer.name} has weights of other shapes in the tf_keras copy")
        layer.set_weights(arrays)
    return model


def _name(tensor: Any) -> str:
    return str(tensor._keras_history.operation.name)


def _flat(outputs: Any) -> list[Any]:
    import keras

    return [np.asarray(output, np.float64) for output in keras.tree.flatten(outputs)]
