"""Outputs of every layer of a Keras model, including the layers of nested models."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.samples import Array
from export.model.graph import Graph, functional
from export.model.run_graph import call

if TYPE_CHECKING:
    import keras

Tensor = Any  # tf.Tensor
Known = tuple[str, Tensor]  # name of the call that computed a tensor, and the tensor's value


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerCall:
    """One output of one call of a layer.

    Attributes:
        name: name of the call: the layer's name, prefixed with the enclosing models ("backbone/conv"), with a number
            for repeated calls ("conv#2") and for further outputs ("lstm:1").
        sources: names of the calls whose outputs this call reads.
        operation: class name of the layer.
        has_weights: whether the layer has weights.
        output: output of shape (N, ...).
    """

    name: str
    sources: tuple[str, ...]
    operation: str
    has_weights: bool
    output: Array

    @property
    def layer(self) -> str:
        """Name of the layer in the model, equal for all its calls and outputs."""
        return layer_of(self.name)


def layer_of(call: str) -> str:
    """Return the name of the layer of a call: "conv" for "conv#2"."""
    return re.sub(r"[#:]\d+(?=/|$|#|:)", "", call)


def layer_calls(model: keras.Model, inputs: Mapping[str, Array]) -> list[LayerCall]:
    """Return the outputs of all calls of all layers in execution order, starting with the inputs.

    Args:
        model: functional or Sequential model.
        inputs: arrays (N, ...) by input name; keep N small, because every activation is kept in memory.
    """
    import tensorflow as tf

    walk = _Walk()
    known = []
    for tensor in model.inputs:
        name = tensor._keras_history.operation.name
        value = tf.convert_to_tensor(np.asarray(inputs[name]), tensor.dtype)
        walk.found.append(
            LayerCall(name=name, sources=(), operation="InputLayer", has_weights=False, output=value.numpy())
        )
        known.append((name, value))
    walk.run(model, known, prefix="")
    return walk.found


class _Walk:
    """Runs a model call by call, including the calls inside nested models."""

    def __init__(self) -> None:
        self.found: list[LayerCall] = []
        self._counts: Counter[str] = Counter()

    def run(self, model: keras.Model, inputs: Sequence[Known], prefix: str) -> list[Known]:
        """Return the outputs of `model` for the flat list `inputs`; call names start with `prefix`."""
        import keras

        model = functional(model)
        known = {id(tensor): given for tensor, given in zip(model.inputs, inputs, strict=True)}
        for node in Graph(model).nodes:
            sources = [known[id(tensor)] for tensor in node.input_tensors]
            name = self._numbered(prefix + node.operation.name)
            if isinstance(node.operation, keras.Model) and hasattr(functional(node.operation), "_nodes_by_depth"):
                outputs = self.run(node.operation, sources, prefix=f"{name}/")
            else:
                outputs = self._call(node, name, sources)
            known.update({id(tensor): made for tensor, made in zip(node.outputs, outputs, strict=True)})
        return [known[id(tensor)] for tensor in model.outputs]

    def _call(self, node: Any, name: str, sources: Sequence[Known]) -> list[Known]:
        tensors = {id(tensor): value for tensor, (_, value) in zip(node.input_tensors, sources, strict=True)}
        outputs = []
        for position, value in enumerate(call(node, tensors)):
            made = LayerCall(
                name=f"{name}:{position}" if position else name,
                sources=tuple(dict.fromkeys(source for source, _ in sources)),
                operation=type(node.operation).__name__,
                has_weights=bool(getattr(node.operation, "weights", ())),
                output=np.asarray(value),
            )
            self.found.append(made)
            outputs.append((made.name, value))
        return outputs

    def _numbered(self, name: str) -> str:
        self._counts[name] += 1
        return name if self._counts[name] == 1 else f"{name}#{self._counts[name]}"
