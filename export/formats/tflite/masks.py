"""Replace the -1e9 that masks attention scores by a number that a grid of 8 or 16 bits can hold.

A mask adds a large negative number to scores, or selects it in their place, so that SOFTMAX returns 0 there, or
REDUCE_MAX another element. A grid from -1e9 to the largest score would hold all scores as one integer. A number just
low enough that the masked share rounds to 0 leaves the outputs as they are, up to one step of 16 bits.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from calibration.ranges import Range
from export.formats.format import BoundedMasks
from export.formats.tflite import flatbuffer

LARGE = 1e3  # From this magnitude on, a constant in front of a softmax is a mask.
SHARE = 2.0**-16  # Half a step of a softmax with 16 bits: all masked elements of a row together have less.

MOVES = frozenset({"BROADCAST_TO", "CAST", "EXPAND_DIMS", "PACK", "RESHAPE", "SQUEEZE", "TILE", "TRANSPOSE"})
SELECTS = frozenset({"SELECT", "SELECT_V2"})
SINKS = frozenset({"SOFTMAX", "REDUCE_MAX"})


Place = tuple[int, int]  # The position of an operator, and of one of its inputs.


@dataclass(frozen=True, kw_only=True)
class _Scores:
    """What an operator reads: scores, perhaps masked.

    Attributes:
        range: of the scores without their masks.
        selected: the constants that are selected in place of scores.
        added: the constants that are added to scores, or that a mask of 0 and 1 is multiplied by.
        masked: activations that hold masked scores.
        masks: activations that hold nothing but a mask.
    """

    range: Range
    selected: frozenset[Place] = frozenset()
    added: frozenset[Place] = frozenset()
    masked: frozenset[int] = frozenset()
    masks: frozenset[int] = frozenset()

    @property
    def are_masked(self) -> bool:
        return bool(self.selected or self.added)


def bounded(float_file: bytes, ranges: Mapping[str, Range]) -> BoundedMasks | None:
    """Return the file with smaller masks; None if it has none that can be replaced.

    Args:
        float_file: the file, with the masks of the model.
        ranges: the observed range of every activation, by name.
    """
    model = flatbuffer.read(float_file)
    graph = _Graph(model, ranges)
    operators = model.subgraphs[0].operators
    new: dict[Place, float] = {}
    lowest: dict[int, float] = {}
    for sink, scores in _masked_sinks(graph):
        low, high = scores.range
        margin = _margin(model, operators[sink])
        values = {
            **dict.fromkeys(scores.selected, low - margin),
            **dict.fromkeys(scores.added, low - margin - high),
        }
        new.update({place: min(value, new.get(place, value)) for place, value in values.items()})
        for index in scores.masked:
            lowest[index] = min(low - margin, lowest.get(index, low - margin))
    if not new:
        return None
    for (position, place), value in new.items():
        _replace(model, operators[position], place, value)
    names = flatbuffer.activations(model)
    return BoundedMasks(
        content=flatbuffer.write(model), lowest={names[index]: value for index, value in lowest.items()}
    )


def _margin(model: flatbuffer.Model, sink: Any) -> float:
    """Return by how much masked scores must be below all others to have no effect: exp(-margin) * elements = SHARE."""
    if flatbuffer.op_name(model, sink) != "SOFTMAX":
        return 0.0
    elements = int(model.subgraphs[0].tensors[sink.inputs[0]].shape[-1])
    return math.log(elements / SHARE)


class _Graph:
    """A float file with its observed ranges and the makers of its activations."""

    def __init__(self, model: flatbuffer.Model, ranges: Mapping[str, Range]) -> None:
        self.model = model
        self.tensors, self.operators = model.subgraphs[0].tensors, model.subgraphs[0].operators
        self.names = [flatbuffer.op_name(model, operator) for operator in self.operators]
        self.makers = {index: at for at, operator in enumerate(self.operators) for index in operator.outputs}
        activations = flatbuffer.activations(model)
        self.ranges = {index: ranges[name] for index, name in activations.items() if name in ranges}

    def readers(self, index: int) -> set[int]:
        """Return the positions of the operators that read an activation; -1 if it is an output of the file."""
        found = {at for at, operator in enumerate(self.operators) if index in operator.inputs}
        return found | ({-1} if index in self.model.subgraphs[0].outputs else set())

    def values(self, index: int) -> Any:
        """Return the values of a float constant; None for other tensors."""
        from ai_edge_litert import schema_py_generated as schema

        tensor = self.tensors[index]
        is_constant = index >= 0 and self.model.buffers[tensor.buffer].data is not None
        if not is_constant or tensor.type != schema.TensorType.FLOAT32:
            return None
        return flatbuffer.constant(self.model, tensor)


def _masked_sinks(graph: _Graph) -> Iterator[tuple[int, _Scores]]:
    """Yield the operators in front of which masks end, with what they read.

    Left out are those whose masks or masked scores have another reader, which would see the replaced number.
    """
    found = {}
    for at, operator in enumerate(graph.operators):
        if graph.names[at] in SINKS and (scores := _scores(graph, operator.inputs[0])).are_masked:
            low = graph.ranges.get(operator.outputs[0], (0.0, 0.0))[0]
            if graph.names[at] == "SOFTMAX" or low >= scores.range[0]:  # otherwise a whole row is masked
                found[at] = scores
    while True:
        inside = {*found, *(at for scores in found.values() for at in _operators(graph, scores))}
        bad = {
            at
            for at, scores in found.items()
            if any(graph.readers(index) - inside for index in scores.masked | scores.masks)
        }
        if not bad:
            yield from found.items()
            return
        found = {at: scores for at, scores in found.items() if at not in bad}


def _operators(graph: _Graph, scores: _Scores) -> set[int]:
    return {graph.makers[index] for index in scores.masked | scores.masks}


def _scores(graph: _Graph, index: int) -> _Scores:
    """Return what an activation holds: masked scores if masks are found before it, otherwise scores of its own."""
    own = _Scores(range=graph.ranges.get(index, (-math.inf, math.inf)))
    at = graph.makers.get(index)
    if at is None:
        return own
    name, inputs = graph.names[at], graph.operators[at].inputs
    found = own
    if name in MOVES:
        found = _scores(graph, inputs[0])
    elif name in SELECTS:
        found = _selected(graph, at)
    elif name in {"ADD", "SUB"}:
        found = _added(graph, at, -1.0 if name == "SUB" else 1.0)
    return _joined(found.range, found, masked=frozenset({index})) if found.are_masked else own


def _selected(graph: _Graph, at: int) -> _Scores:
    """Return what a SELECT holds; a constant that is lower than all scores masks the others."""
    parts, constants = [], set()
    for place in (1, 2):
        index = graph.operators[at].inputs[place]
        values = graph.values(index)
        if values is not None and values.max() <= -LARGE:
            constants.add((at, place))
        elif graph.values(index) is None:
            parts.append(_scores(graph, index))
        else:
            parts.append(_Scores(range=(float(values.min()), float(values.max()))))
    reach = (min(one.range[0] for one in parts), max(one.range[1] for one in parts)) if parts else (0.0, 0.0)
    return _joined(reach, *parts, selected=frozenset(constants if parts else ()))


def _added(graph: _Graph, at: int, sign: float) -> _Scores:
    """Return what a sum or a difference holds, of which one operand may be a mask."""
    first, second = graph.operators[at].inputs
    for index, place, factor in ((second, 1, sign), (first, 0, 1.0)):
        constants, activations = _mask(graph, at, place, index, factor)
        if constants:
            scores = _scores(graph, first if place else second)
            return _joined(scores.range, scores, added=constants, masks=activations)
    parts = [_scores(graph, first), _scores(graph, second)]
    if not any(part.are_masked for part in parts) or sign < 0:
        return _Scores(range=(0.0, 0.0))
    return _joined((sum(one.range[0] for one in parts), sum(one.range[1] for one in parts)), *parts)


def _mask(graph: _Graph, at: int, place: int, index: int, sign: float) -> tuple[frozenset[Place], frozenset[int]]:
    """Return the constants of a mask, which is 0 or very negative, and the activations that hold it; nothing if none.

    Args:
        graph: the file.
        at: position of the operator that reads it.
        place: of its inputs.
        index: the tensor.
        sign: -1 if it is subtracted.
    """
    values = graph.values(index)
    if values is not None:
        is_mask = (sign * values).min() <= -LARGE and np.abs(values[np.abs(values) < LARGE]).max(initial=0) == 0
        return frozenset({(at, place)} if is_mask and (sign * values).max() <= 0 else ()), frozenset()
    maker, (low, high) = graph.makers.get(index), graph.ranges.get(index, (0.0, 0.0))
    low, high = (low, high) if sign > 0 else (-high, -low)
    if maker is None or low > -LARGE or high > 1e-3 * -low:
        return frozenset(), frozenset()
    name, inputs = graph.names[maker], graph.operators[maker].inputs
    if name in MOVES:
        constants, activations = _mask(graph, maker, 0, inputs[0], sign)
    elif name == "MUL":
        factors = [(place, graph.values(one)) for place, one in enumerate(inputs)]
        large = [place for place, one in factors if one is not None and one.size == 1 and np.abs(one).min() >= LARGE]
        constants, activations = frozenset((maker, one) for one in large[:1]), frozenset()
    elif name in SELECTS:
        sides = [_mask(graph, maker, one, inputs[one], sign) for one in (1, 2)]
        constants, activations = sides[0][0] | sides[1][0], sides[0][1] | sides[1][1]
    else:
        return frozenset(), frozenset()
    return constants, activations | {index} if constants else frozenset()


def _joined(
    reach: Range,
    *parts: _Scores,
    selected: frozenset[Place] = frozenset(),
    added: frozenset[Place] = frozenset(),
    masked: frozenset[int] = frozenset(),
    masks: frozenset[int] = frozenset(),
) -> _Scores:
    return _Scores(
        range=reach,
        selected=selected.union(*(part.selected for part in parts)),
        added=added.union(*(part.added for part in parts)),
        masked=masked.union(*(part.masked for part in parts)),
        masks=masks.union(*(part.masks for part in parts)),
    )


def _replace(model: flatbuffer.Model, operator: Any, place: int, value: float) -> None:
    """Give an operator a copy of its constant in which large numbers have the magnitude of `value`."""
    from ai_edge_litert import schema_py_generated as schema

    tensor = model.subgraphs[0].tensors[operator.inputs[place]]
    values = flatbuffer.constant(model, tensor)
    limited = np.clip(values, -abs(value), abs(value))
    buffer = schema.BufferT()
    buffer.data = np.ascontiguousarray(limited, np.float32).reshape(-1).view(np.uint8)
    model.buffers.append(buffer)
    added = copy.copy(tensor)
    added.name, added.buffer = tensor.name + b"/bounded%d" % len(model.buffers), len(model.buffers) - 1
    model.subgraphs[0].tensors.append(added)
    operator.inputs = list(operator.inputs)
    operator.inputs[place] = len(model.subgraphs[0].tensors) - 1
