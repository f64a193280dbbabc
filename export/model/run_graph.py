"""Run a Keras model's graph call by call, with access to every tensor.

Calling the model itself would return its outputs only, and a compiled model may fuse operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.samples import Array
from export.model.graph import Graph, Node, functional

if TYPE_CHECKING:
    import keras

Tensor = Any  # tf.Tensor
# Takes a tensor's position among the operators' outputs and its value; returns the value for the following operators.
OnTensor = Callable[[int, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True, eq=False)
class GraphRun:
    """Tensors of one run of a graph.

    Attributes:
        outputs: outputs of the model, in its order.
        values: outputs of all operators, in the order of the graph.
    """

    outputs: tuple[Tensor, ...]
    values: tuple[Tensor, ...]

    @property
    def floats(self) -> dict[int, Tensor]:
        """Float outputs of operators, by position in the graph."""
        return {position: value for position, value in enumerate(self.values) if value.dtype.is_floating}


def run_graph(model: keras.Model, inputs: Mapping[str, Tensor], on_tensor: OnTensor | None = None) -> GraphRun:
    """Run a functional or Sequential model call by call.

    Args:
        model: the model; nested models are called as one layer.
        inputs: tensors (N, ...) by the name of the input layer.
        on_tensor: receives every operator output and returns it or a replacement.
    """
    whole = functional(model)
    tensors = {id(tensor): inputs[tensor._keras_history.operation.name] for tensor in whole.inputs}
    values: list[Tensor] = []
    for node in Graph(whole).nodes:
        for tensor, value in zip(node.outputs, call(node, tensors), strict=True):
            kept = value if on_tensor is None else on_tensor(len(values), value)
            tensors[id(tensor)] = kept
            values.append(kept)
    return GraphRun(outputs=tuple(tensors[id(tensor)] for tensor in whole.outputs), values=tuple(values))


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
