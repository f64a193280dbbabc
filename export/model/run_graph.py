"""Run a Keras model's graph call by call, with access to every tensor, also those inside nested models.

Calling the model itself would return its outputs only, and a compiled model may fuse operators.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.samples import Array
from export.model.graph import Graph, Node, functional, is_dissolved

if TYPE_CHECKING:
    import keras

Tensor = Any  # tf.Tensor
# Takes the name of a call and its output; returns the value for the calls that read it.
OnTensor = Callable[[str, Tensor], Tensor]
Known = tuple[str, Tensor]  # the name of the call that computed a tensor, and the tensor's value


@dataclass(frozen=True, kw_only=True, eq=False)
class Call:
    """One output of one call of an operation.

    Attributes:
        name: name of the call: the layer's name, prefixed with the enclosing models ("backbone/conv"), with a number
            for repeated calls ("conv#2") and for further outputs ("lstm:1").
        sources: names of the calls whose outputs this call reads.
        operation: the layer or operator.
        value: the output (N, ...).
    """

    name: str
    sources: tuple[str, ...]
    operation: Any
    value: Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class GraphRun:
    """Tensors of one run of a graph.

    Attributes:
        calls: all calls, in the order of the graph, without the inputs.
        outputs: outputs of the model, in its order.
        output_names: names of the calls that computed them.
    """

    calls: tuple[Call, ...]
    outputs: tuple[Tensor, ...]
    output_names: tuple[str, ...]

    @property
    def floats(self) -> dict[str, Tensor]:
        """Float outputs of calls, by the call's name."""
        return {call.name: call.value for call in self.calls if call.value.dtype.is_floating}


def run_graph(model: keras.Model, inputs: Mapping[str, Tensor], on_tensor: OnTensor | None = None) -> GraphRun:
    """Run a functional or Sequential model call by call, also inside nested models.

    Args:
        model: the model.
        inputs: tensors (N, ...) by the name of the input layer.
        on_tensor: receives the output of every call and returns it or a replacement.
    """
    names = [tensor._keras_history.operation.name for tensor in functional(model).inputs]
    walk = _Walk(on_tensor or (lambda _, value: value))
    outputs = walk.run(model, [(name, inputs[name]) for name in names], prefix="")
    return GraphRun(
        calls=tuple(walk.calls),
        outputs=tuple(value for _, value in outputs),
        output_names=tuple(name for name, _ in outputs),
    )


class _Walk:
    """One run in progress: the calls so far, and how often each name occurred."""

    def __init__(self, on_tensor: OnTensor) -> None:
        self.calls: list[Call] = []
        self._on_tensor = on_tensor
        self._counts: Counter[str] = Counter()

    def run(self, model: keras.Model, inputs: Sequence[Known], prefix: str) -> list[Known]:
        """Return the outputs of `model` for the flat list `inputs`; call names start with `prefix`."""
        model = functional(model)
        known = {id(tensor): given for tensor, given in zip(model.inputs, inputs, strict=True)}
        for node in Graph(model).nodes:
            sources = [known[id(tensor)] for tensor in node.input_tensors]
            name = self._numbered(prefix + node.operation.name)
            if is_dissolved(node.operation):
                outputs = self.run(node.operation, sources, prefix=f"{name}/")
            else:
                outputs = self._call(node, name, sources)
            known.update({id(tensor): made for tensor, made in zip(node.outputs, outputs, strict=True)})
        return [known[id(tensor)] for tensor in model.outputs]

    def _call(self, node: Node, name: str, sources: Sequence[Known]) -> list[Known]:
        tensors = {id(tensor): value for tensor, (_, value) in zip(node.input_tensors, sources, strict=True)}
        read = tuple(dict.fromkeys(source for source, _ in sources))
        found: list[Known] = []
        for position, value in enumerate(call(node, tensors)):
            own = f"{name}:{position}" if position else name
            kept = self._on_tensor(own, value)
            self.calls.append(Call(name=own, sources=read, operation=node.operation, value=kept))
            found.append((own, kept))
        return found

    def _numbered(self, name: str) -> str:
        self._counts[name] += 1
        return name if self._counts[name] == 1 else f"{name}#{self._counts[name]}"


def calls_of(model: keras.Model) -> Iterator[tuple[Any, str]]:
    """Yield the tensors that the operations of a model without nested models compute, with the names of their calls."""
    counts: Counter[str] = Counter()
    for node in Graph(model).nodes:
        name = node.operation.name
        counts[name] += 1
        numbered = name if counts[name] == 1 else f"{name}#{counts[name]}"
        for position, tensor in enumerate(node.outputs):
            yield tensor, f"{numbered}:{position}" if position else numbered


def call(node: Node, tensors: Mapping[int, Tensor]) -> list[Tensor]:
    """Return the outputs of one call; `tensors` maps the ids of symbolic tensors to values."""
    import keras

    arguments, settings = node.arguments.fill_in(tensors)
    found: list[Tensor] = keras.tree.flatten(node.operation(*arguments, **settings))
    return found


def as_inputs(model: keras.Model, inputs: Mapping[str, Array]) -> dict[str, Tensor]:
    """Return the arrays (N, ...) as tensors of the model's input types, by input name."""
    import tensorflow as tf

    types = {tensor._keras_history.operation.name: tensor.dtype for tensor in functional(model).inputs}
    return {name: tf.convert_to_tensor(np.asarray(inputs[name]), dtype) for name, dtype in types.items()}
