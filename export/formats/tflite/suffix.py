"""The part of a float .tflite after one activation, to measure the effect of an error on the outputs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats.tflite import flatbuffer


class Tail:
    """The operators that depend on one activation, with that activation and their other sources as inputs."""

    def __init__(self, model: flatbuffer.Model, index: int, load: Callable[[bytes], Any]) -> None:
        """Load the part of a parsed float file's first subgraph that depends on the tensor `index`."""
        subgraph = model.subgraphs[0]
        self.outputs = list(subgraph.outputs)
        changed, operators = {index}, []
        for operator in subgraph.operators:
            if changed & set(operator.inputs) and index not in operator.outputs:
                operators.append(operator)
                changed |= set(operator.outputs)
        made = {place for operator in operators for place in operator.outputs}
        read = {place for operator in operators for place in operator.inputs if place >= 0}
        self._changed = [place for place in self.outputs if place in made]
        self._names = {
            place: subgraph.tensors[place].name.decode()
            for place in sorted(read - made)
            if model.buffers[subgraph.tensors[place].buffer].data is None
        }
        self._index, self._session = index, None
        if self._changed:
            self._session = load(flatbuffer.write(_part(model, operators, list(self._names), self._changed)))

    def run(self, values: Array, activation: Callable[[int], Array]) -> Mapping[int, Array]:
        """Return the outputs by index, computed from `values` and from `activation(index)` for other sources."""
        found = {place: activation(place) for place in self.outputs}
        if self._index in found:
            found[self._index] = values
        if self._session is not None:
            given = {
                name: np.array(values if place == self._index else activation(place))
                for place, name in self._names.items()
            }
            made = self._session.run(given)
            found.update(zip(self._changed, (made[spec.name] for spec in self._session.outputs), strict=True))
        return found


def _part(model: flatbuffer.Model, operators: list[Any], inputs: list[int], outputs: list[int]) -> flatbuffer.Model:
    """Return a model with the given operators and their weights, without a signature."""
    part, subgraph = copy.copy(model), copy.copy(model.subgraphs[0])
    subgraph.operators, subgraph.inputs, subgraph.outputs = operators, inputs, outputs
    used = {subgraph.tensors[place].buffer for operator in operators for place in operator.inputs if place >= 0}
    part.buffers = [buffer if place in used else _empty(buffer) for place, buffer in enumerate(model.buffers)]
    part.subgraphs, part.signatureDefs = [subgraph, *model.subgraphs[1:]], []
    return part


def _empty(buffer: Any) -> Any:
    empty = copy.copy(buffer)
    empty.data = None
    return empty
