"""A Keras 3 model as a tf_keras model, and back: for libraries that know only the Keras before 3.

    mirrored = bridge.mirror(model)          # the same function, layer by layer, with the same names
    bridge.check(model, mirrored)            # proven, or BridgeError
    ...                                      # tensorflow-model-optimization at work on `mirrored`
    new = bridge.bring_back(mirrored, model) # a new Keras 3 model with the weights of `mirrored`

tensorflow-model-optimization refuses Keras 3 models (github.com/tensorflow/model-optimization/issues/1119). Functional
and Sequential models of Keras's own layers can be mirrored; what cannot is named. Neither model changes the other:
weights are copied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from training.bridge.layers import BridgeError, layer_of
from training.bridge.operations import called

if TYPE_CHECKING:
    import keras
    import tf_keras

__all__ = ["BridgeError", "bring_back", "check", "filled", "mirror"]

# Float rounding of two implementations of the same layers through a deep network, as a share of the largest answer.
_EQUAL = 1e-4
_SAMPLES = 2


def mirror(model: keras.Model) -> tf_keras.Model:
    """Return a tf_keras model with the layers, names and weights of `model`.

    Raises:
        BridgeError: the model is not functional, or holds a layer or operator that has no counterpart.
    """
    import keras
    import tf_keras

    if isinstance(model, keras.Sequential):
        model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    if not hasattr(model, "_run_through_graph"):
        raise BridgeError(
            f"{model.name} is a {type(model).__name__}; only functional and Sequential models have a mirror"
        )
    layers: dict[int, Any] = {}

    def mirrored(operation: Any) -> Any:
        passed_by = (keras.layers.InputLayer, keras.layers.Identity)
        if isinstance(operation, keras.Layer) and not isinstance(operation, passed_by):
            return layers.setdefault(id(operation), layer_of(operation))
        return operation

    inputs = [tf_keras.Input(tensor.shape[1:], name=_name(tensor), dtype=tensor.dtype) for tensor in model.inputs]
    outputs = model._run_through_graph(
        keras.tree.pack_sequence_as(model.input, inputs), operation_fn=mirrored, call_fn=called
    )
    new = tf_keras.Model(inputs, keras.tree.flatten(outputs), name=model.name)
    for layer in model.layers:
        if layer.weights:
            layers[id(layer)].set_weights(layer.get_weights())
    return new


def check(model: keras.Model, mirrored: tf_keras.Model, *, seed: int = 0) -> float:
    """Return the largest difference of the two models' answers to noise, as a share of the largest answer.

    Raises:
        BridgeError: it is more than rounding.
    """
    rng = np.random.default_rng(seed)
    inputs = [rng.uniform(-1, 1, (_SAMPLES, *tensor.shape[1:])).astype(np.float32) for tensor in model.inputs]
    given = inputs[0] if len(inputs) == 1 else inputs
    expected, actual = (_flat(some(given, training=False)) for some in (model, mirrored))
    worst = 0.0
    for reference, answer in zip(expected, actual, strict=True):
        if reference.shape != answer.shape or not np.isfinite(answer).all():
            raise BridgeError(f"{model.name} and its mirror answer in other shapes, or not in numbers")
        worst = max(worst, float(np.abs(reference - answer).max() / max(np.abs(reference).max(), 1e-30)))
    if worst > _EQUAL:
        raise BridgeError(f"the mirror of {model.name} answers otherwise: {worst:.1e} of the largest number")
    return worst


def bring_back(mirrored: tf_keras.Model, model: keras.Model) -> keras.Model:
    """Return a copy of `model` with the weights that the layers of the same names have in `mirrored`.

    Raises:
        BridgeError: a layer is missing there, or its weights have other shapes.
    """
    import keras

    new = keras.models.clone_model(model)
    return filled(new, {layer.name: layer.get_weights() for layer in mirrored.layers})


def filled(model: keras.Model, weights: Mapping[str, Sequence[Any]]) -> keras.Model:
    """Return `model` itself, with the weights of its layers by their names.

    Raises:
        BridgeError: a layer is missing there, or its weights have other shapes.
    """
    for layer in model.layers:
        if not layer.weights:
            continue
        if layer.name not in weights:
            raise BridgeError(f"the mirror has lost the layer {layer.name}")
        arrays = weights[layer.name]
        if [array.shape for array in arrays] != [tuple(weight.shape) for weight in layer.weights]:
            raise BridgeError(f"the layer {layer.name} came back with weights of other shapes")
        layer.set_weights(arrays)
    return model


def _name(tensor: Any) -> str:
    return str(tensor._keras_history.operation.name)


def _flat(answers: Any) -> list[Any]:
    import keras

    return [np.asarray(answer, np.float64) for answer in keras.tree.flatten(answers)]
