"""The graph of a functional model as a list of calls, and copying a model with some layers replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from export.errors import PassRefusedError
from export.model import signature

if TYPE_CHECKING:
    import keras

Node = Any  # keras.src.ops.node.Node: one call of an operation; has no public name


class Graph:
    """The calls of a functional model in execution order.

    Attributes:
        nodes: the calls, without those of the input layers.
        reads: number of reads of each tensor, by tensor id; a model output counts as one more read.
        calls: number of calls of each operation, by operation id.
    """

    def __init__(self, model: keras.Model) -> None:
        """Sort the calls of `model`, which Keras stores by depth, highest at the inputs."""
        depths = functional(model)._nodes_by_depth
        self.nodes: list[Node] = [node for depth in sorted(depths, reverse=True) for node in depths[depth]]
        self.nodes = [node for node in self.nodes if not node.is_input]
        self.reads = Counter(id(tensor) for node in self.nodes for tensor in node.input_tensors)
        self.reads.update(id(tensor) for tensor in model.outputs)
        self.calls = Counter(id(node.operation) for node in self.nodes)


def functional(model: keras.Model) -> keras.Model:
    """Return a Sequential model as a functional model of the same layers, and any other model unchanged."""
    import keras

    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    return model


def copy(
    model: keras.Model,
    replaced: Callable[[keras.Layer], keras.Layer | None],
    new_input: Callable[[Any], Any] | None = None,
) -> tuple[keras.Model, Mapping[int, keras.Layer]]:
    """Return a copy of a model with the same weights, and the replacement layers by the ids of the replaced ones.

    Nested models are dissolved into their layers. A nested layer whose name is taken is prefixed with the names of its
    models.

    Args:
        model: functional or Sequential model.
        replaced: returns the replacement of a layer, of the same name, or None to copy the layer. The caller sets the
            weights of replacements.
        new_input: returns the tensor of the copy for an input tensor of the model; by default one of the same shape.

    Raises:
        PassRefusedError: Keras cannot copy a layer from its configuration.
    """
    import keras

    model = functional(model)
    copying = _Copying(replaced, names=_own_names(model))
    # By default Keras would name the new inputs after the tensors, which are numbered by a counter of the process.
    inputs = keras.tree.map_structure(new_input or same_input, model.input)
    try:
        new = keras.models.clone_model(
            model, input_tensors=inputs, clone_function=copying.copied, call_function=copying.called
        )
        new = with_output_names(new, signature.names(model)[1])
        for layer, copied in copying.copies.values():
            if id(layer) not in copying.others:
                copy_state(layer, copied)
    except (NotImplementedError, TypeError, ValueError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise PassRefusedError(f"Keras cannot copy the model: {first}") from error
    return new, copying.others


def same_input(tensor: Any) -> Any:
    """Return a new input tensor of the name, shape and type of an input tensor."""
    import keras

    return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor._keras_history.operation.name)


def copy_state(source: keras.Layer, target: keras.Layer) -> None:
    """Set a layer's weights, and what it computes from them when it is loaded, such as a Normalization's statistics.

    Raises:
        ValueError: the layers differ.
    """
    target.set_weights(source.get_weights())
    for one, other in zip(source._flatten_layers(), target._flatten_layers(), strict=True):
        copy_own_state(one, other)


def copy_own_state(source: keras.Layer, target: keras.Layer) -> None:
    """Set what a layer itself holds, without the layers inside of it."""
    state: dict[str, Any] = {}
    source.save_own_variables(state)
    target.load_own_variables(state)


def with_output_names(model: keras.Model, names: Sequence[str]) -> keras.Model:
    """Return the model with these names of its outputs: an output of a dissolved model is named after that model."""
    import keras

    found = signature.names(model)[1]
    if found == list(names):
        return model
    outputs = [
        tensor if own == name else keras.layers.Identity(name=name, dtype=tensor.dtype)(tensor)
        for tensor, own, name in zip(model.outputs, found, names, strict=True)
    ]
    return keras.Model(model.input, outputs, name=model.name)


@dataclass
class _Copying:
    """State of a copy in progress; a layer that is called twice is copied once."""

    replaced: Callable[[keras.Layer], keras.Layer | None]
    others: dict[int, keras.Layer] = field(default_factory=dict)
    unlike: list[keras.Layer] = field(default_factory=list)  # replacements of another class
    copies: dict[int, tuple[keras.Layer, keras.Layer]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    models: list[str] = field(default_factory=list)

    def copied(self, operation: Any) -> Any:
        import keras

        if not isinstance(operation, keras.Layer) or is_dissolved(operation):
            return operation  # an operator without weights, such as `a + b`, or a model, whose layers are copied
        if id(operation) not in self.copies:
            other = self.replaced(operation)
            if other is not None:
                self.others[id(operation)] = other
                if type(other) is not type(operation):
                    self.unlike.append(other)
            new = other or type(operation).from_config(operation.get_config())
            # Not `new.name`: the configuration of a layer of one's own may lack it.
            new.name = _name_in_copy(operation.name, self.models, self.names)
            self.copies[id(operation)] = operation, new
        return self.copies[id(operation)][1]

    def called(self, operation: Any, *arguments: Any, **settings: Any) -> Any:
        import keras

        if is_dissolved(operation):
            if settings.get("training"):
                raise PassRefusedError(f"the model calls {operation.name} with training=True")
            self.models.append(operation.name)
            inner = functional(operation)
            outputs = inner._run_through_graph(arguments, operation_fn=self.copied, call_fn=self.called)
            self.models.pop()
            return outputs
        if operation in self.unlike:
            # Without arguments that only the replaced layer takes.
            return operation(keras.tree.flatten((arguments, settings))[0])
        return operation(*arguments, **settings)


def names_in_copy(model: keras.Model) -> dict[str, str]:
    """Return the layer names in a copy, by path in the model: "conv" or "backbone_conv" for "backbone/conv"."""
    import keras

    found: dict[str, str] = {}
    names = _own_names(functional(model))

    def walk(some: keras.Model, models: list[str]) -> None:
        for node in Graph(functional(some)).nodes:
            path = "/".join([*models, node.operation.name])
            if is_dissolved(node.operation):
                walk(node.operation, [*models, node.operation.name])
            elif isinstance(node.operation, keras.Layer) and path not in found:
                found[path] = _name_in_copy(node.operation.name, models, names)

    walk(model, [])
    return found


def _own_names(model: keras.Model) -> set[str]:
    return {layer.name for layer in model.layers if not is_dissolved(layer)}


def _name_in_copy(name: str, models: list[str], names: set[str]) -> str:
    """Return a layer's name in the copy and add it to `names`; layers of the outermost model keep their names."""
    if models:
        name = "_".join([*models, name]) if name in names else name
        names.add(name)
    return name


def is_dissolved(operation: Any) -> bool:
    """Return whether `copy` dissolves an operation into its graph: Sequential and functional models, not subclasses."""
    import keras

    return isinstance(operation, keras.Sequential) or type(operation).__name__ == "Functional"
