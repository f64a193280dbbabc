"""What every layer of a Keras model gives for some samples, layers of models inside of it included."""

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
Known = tuple[str, Tensor]  # the name of the call that made a tensor, and its value


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerCall:
    """One output of one call of a layer.

    Attributes:
        name: of the call: the layer's name, behind those of the models around it ("backbone/conv"), with a number
            where it is called again ("conv#2") and where it is not the only output ("lstm:1").
        sources: names of the calls that it reads.
        operation: the layer's class.
        has_weights: whether the layer has any.
        output: (N, ...) as the layer gives it.
    """

    name: str
    sources: tuple[str, ...]
    operation: str
    has_weights: bool
    output: Array

    @property
    def layer(self) -> str:
        """The layer's own name in the model, the same for all its calls and outputs."""
        return layer_of(self.name)


def layer_of(call: str) -> str:
    """Return the layer's name for a call's: "conv" for "conv#2"."""
    return re.sub(r"[#:]\d+(?=/|$|#|:)", "", call)


def layer_calls(model: keras.Model, inputs: Mapping[str, Array]) -> list[LayerCall]:
    """Return the outputs of all calls of all layers, in an order in which they can run, the inputs' first.

    Args:
        model: functional or Sequential.
        inputs: (N, ...) by input name; few: every activation is kept.
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
    """Runs a model call by call; a model inside is walked too, not run as one layer."""

    def __init__(self) -> None:
        self.found: list[LayerCall] = []
        self._counts: Counter[str] = Counter()

    def run(self, model: keras.Model, inputs: Sequence[Known], prefix: str) -> list[Known]:
        """Return the outputs of `model` for its flat inputs."""
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
