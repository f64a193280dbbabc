"""A Keras model around the signature of a SavedModel whose Keras layers cannot be restored."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.model.loading.keras2 import same_outputs
from export.model.loading.keras2.errors import ConversionError
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    import keras

_SIGNATURES = ("serving_default", "serve")


def signature_model(path: Path, graph: Any) -> keras.Model:
    """Return a model of one layer that computes the signature of a SavedModel, with the names of the signature.

    The weights are constants of its graph, as no layer is there that could hold them.

    Args:
        path: the folder, checked by `export.model.loading.untrusted_graph`.
        graph: its MetaGraphDef.

    Raises:
        UsageProblemError: it has no signature with inputs and outputs.
    """
    import keras
    import tensorflow as tf

    found = next((name for name in _SIGNATURES if name in graph.signature_def), None)
    if found is None or not graph.signature_def[found].inputs or not graph.signature_def[found].outputs:
        raise UsageProblemError(
            f"{path.name} is a SavedModel without Keras layers and without the signature serving_default; save the "
            "Keras model with model.save('model.keras')"
        )
    loaded = tf.saved_model.load(str(path))  # holds the variables that the signature reads
    signature = loaded.signatures[found]
    specs = signature.structured_input_signature[1]
    inputs = [keras.Input(batch_shape=spec.shape, dtype=spec.dtype.name, name=name) for name, spec in specs.items()]
    outputs = _layer_class()(_frozen(signature, list(specs)), name="saved_model")(inputs)
    names = sorted(signature.structured_outputs)  # in the order in which TensorFlow flattens a dictionary
    named = [keras.layers.Identity(name=name)(tensor) for name, tensor in zip(names, outputs, strict=True)]
    model = keras.Model(inputs[0] if len(inputs) == 1 else inputs, named, name="saved_model_signature")
    _check(path, signature, list(specs), names, model)
    return model


def _check(path: Path, signature: Any, inputs: list[str], outputs: list[str], model: keras.Model) -> None:
    """Check that a model computes what the signature computes.

    Raises:
        UsageProblemError: it does not.
    """
    import tensorflow as tf

    def original(values: Any, training: bool) -> list[Any]:
        batch = values if isinstance(values, list) else [values]
        found = signature(**{name: tf.constant(value) for name, value in zip(inputs, batch, strict=True)})
        return [found[name] for name in outputs]

    try:
        same_outputs.check(original, model)
    except ConversionError as error:
        raise UsageProblemError(
            f"{path.name} is a SavedModel whose signature cannot be read: {error}; save the Keras model with "
            "model.save('model.keras')"
        ) from error


def _frozen(signature: Any, names: list[str]) -> Callable[..., list[Any]]:
    """Return a function of the inputs in the order of `names`, whose variables are constants."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(signature, lower_control_flow=False)
    order = [tensor.name.split(":")[0] for tensor in frozen.inputs]
    outputs = list(signature.structured_outputs)

    def call(*values: Any) -> list[Any]:
        given = dict(zip(names, values, strict=True))
        found = frozen(*(given[name.removeprefix("serving_default_").removeprefix("serve_")] for name in order))
        flat = found if isinstance(found, list | tuple) else [found]
        return [flat[index] for index in range(len(outputs))]

    return call


@cache
def _layer_class() -> type[keras.Layer]:
    import keras

    class SignatureLayer(keras.layers.Layer):  # type: ignore[misc]
        """Computes the signature of a SavedModel; passes cannot copy it, so that the model is not reconstructed."""

        def __init__(self, function: Callable[..., list[Any]], **settings: Any) -> None:
            super().__init__(**settings)
            self._function = function

        def call(self, inputs: list[Any]) -> list[Any]:
            return self._function(*inputs)

        def get_config(self) -> dict[str, Any]:
            raise NotImplementedError("the function of a SavedModel has no configuration")

    return SignatureLayer
