"""Outputs of every layer of a Keras model, including the layers of nested models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calibration.samples import Array
from export.model.run_graph import as_inputs, run_graph

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerCall:
    """One output of one call of a layer, or an input of the model.

    Attributes:
        name: name of the call (`export.model.run_graph.Call.name`).
        sources: names of the calls whose outputs this call reads.
        operation: class name of the layer.
        has_weights: whether the layer has weights.
        output: output of shape (N, ...).
        is_edge: whether it is an input or an output of the model.
    """

    name: str
    sources: tuple[str, ...]
    operation: str
    has_weights: bool
    output: Array
    is_edge: bool = False

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
    tensors = as_inputs(model, inputs)
    run = run_graph(model, tensors)
    given = [
        LayerCall(name=name, sources=(), operation="InputLayer", has_weights=False, output=value.numpy(), is_edge=True)
        for name, value in tensors.items()
    ]
    computed = [
        LayerCall(
            name=call.name,
            sources=call.sources,
            operation=type(call.operation).__name__,
            has_weights=bool(getattr(call.operation, "weights", ())),
            output=np.asarray(call.value),
            is_edge=call.name in run.output_names,
        )
        for call in run.calls
    ]
    return [*given, *computed]
