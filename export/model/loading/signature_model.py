"""A Keras model around the signature of a SavedModel whose Keras layers cannot be restored."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export import temporary
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

    found = next((name for name in _SIGNATURES if name in graph.signature_def), None)
    if found is None or not graph.signature_def[found].inputs or not graph.signature_def[found].outputs:
        raise UsageProblemError(
            f"{path.name} is a SavedModel without Keras layers and without the signature serving_default; save the "
            "Keras model with model.save('model.keras')"
        )
    loaded = _loaded(path, graph)  # holds the variables that the signature reads
    signature = loaded.signatures[found]
    specs = signature.structured_input_signature[1]
    inputs = [keras.Input(batch_shape=spec.shape, dtype=spec.dtype.name, name=name) for name, spec in specs.items()]
    outputs = _layer_class()(_frozen(signature, list(specs)), name="saved_model")(inputs)
    names = sorted(signature.structured_outputs)  # in the order in which TensorFlow flattens a dictionary
    named = [keras.layers.Identity(name=name)(tensor) for name, tensor in zip(names, outputs, strict=True)]
    model = keras.Model(inputs[0] if len(inputs) == 1 else inputs, named, name="saved_model_signature")
    _check(path, signature, list(specs), names, model)
    return model


def _loaded(path: Path, graph: Any) -> Any:
    """Return what TensorFlow loads of a SavedModel, without assignments to variables in the functions of its graph.

    Keras draws masks for the dropout of recurrent layers in inference, too, and assigns the state of the random
    numbers: no variable may be a constant then, and files would keep a state between calls. Where the outputs depend on
    an assignment, they are not those of the original any more, which is compared.
    """
    import tensorflow as tf

    changed = type(graph)()
    changed.CopyFrom(graph)
    if not sum(map(_drop_assignments, changed.graph_def.library.function)):
        return tf.saved_model.load(str(path))
    with temporary.folder() as folder:
        copy = Path(folder) / "saved"
        copy.mkdir()
        for part in path.iterdir():
            if part.name not in ("saved_model.pb", "fingerprint.pb"):
                (copy / part.name).symlink_to(part.resolve())
        (copy / "saved_model.pb").write_bytes(_with_graph(path, changed))
        return tf.saved_model.load(str(copy))


def _with_graph(path: Path, graph: Any) -> bytes:
    """Return the content of a saved_model.pb with another first graph."""
    from tensorflow.core.protobuf import saved_model_pb2

    stored = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    stored.meta_graphs[0].CopyFrom(graph)
    content: bytes = stored.SerializeToString()
    return content


def _drop_assignments(function: Any) -> int:
    """Remove the assignments from a function that serves, in place, and return their number."""
    dropped = {node.name for node in function.node_def if node.op == "AssignVariableOp"}
    if not dropped or any(node.op in ("RestoreV2", "SaveV2") for node in function.node_def):
        return 0
    kept = [node for node in function.node_def if node.name not in dropped]
    for node in kept:
        inputs = [name for name in node.input if name.removeprefix("^") not in dropped]
        del node.input[:]
        node.input.extend(inputs)
    del function.node_def[:]
    function.node_def.extend(kept)
    for output in [name for name, target in function.control_ret.items() if target in dropped]:
        del function.control_ret[output]
        if output in function.signature.control_output:
            function.signature.control_output.remove(output)
    return len(dropped)


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
        for tensor, name in zip(flat, outputs, strict=True):  # behind a loop, the frozen graph does not know the shape
            tensor.set_shape(_with_batch_of(values[0], signature.structured_outputs[name].shape))
        return list(flat)

    return call


def _with_batch_of(given: Any, shape: Any) -> list[int | None]:
    """Return the shape of an output, with the batch of an input if its own is not known."""
    sizes: list[int | None] = shape.as_list()
    return [given.shape[0], *sizes[1:]] if sizes and sizes[0] is None else sizes


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
