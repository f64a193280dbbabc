"""Find masks of scores in a float .tflite: what is certainly 0 or very negative, in front of a SOFTMAX."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from calibration.ranges import Range
from export.formats.tflite import flatbuffer

LARGE = 1e3  # From this magnitude on, a constant in front of a softmax is a mask.
HUGE = 1e6  # From this magnitude on, no model multiplies anything but zeros and ones.

MOVES = frozenset({"BROADCAST_TO", "CAST", "EXPAND_DIMS", "RESHAPE", "SQUEEZE", "TILE", "TRANSPOSE"})
SELECTS = frozenset({"SELECT", "SELECT_V2"})
SINKS = frozenset({"SOFTMAX", "REDUCE_MAX"})


Place = tuple[int, int]  # The position of an operator, and of one of its inputs.


@dataclass(frozen=True, kw_only=True)
class Scores:
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
        """Whether there are masks to replace."""
        return bool(self.selected or self.added)


class Graph:
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


def masked_sinks(graph: Graph) -> Iterator[tuple[int, Scores]]:
    """Yield the operators in front of which masks end, with what they read.

    Left out are those whose masks or masked scores have another reader, which would see the replaced number.
    """
    found = {}
    for at, operator in enumerate(graph.operators):
        if graph.names[at] not in SINKS:
            continue
        scores = _scores(graph, operator.inputs[0])
        if scores.are_masked and math.isfinite(sum(scores.range)):
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


def _operators(graph: Graph, scores: Scores) -> set[int]:
    return {graph.makers[index] for index in scores.masked | scores.masks}


def _scores(graph: Graph, index: int) -> Scores:
    """Return what an activation holds: masked scores if masks are found before it, otherwise scores of its own."""
    own = Scores(range=graph.ranges.get(index, (-math.inf, math.inf)))
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


def _selected(graph: Graph, at: int) -> Scores:
    """Return what a SELECT holds; a constant that is lower than all scores masks the others."""
    parts, constants, added, lowered = [], set(), set[Place](), set[int]()
    inputs = graph.operators[at].inputs
    for place, other in ((1, 2), (2, 1)):
        index = inputs[place]
        values = graph.values(index)
        if constant := _lowered(graph, index, inputs[other]):
            added.add(constant)
            lowered.add(index)
        elif values is not None and values.max() <= -LARGE:
            constants.add((at, place))
        elif graph.values(index) is None:
            parts.append(_scores(graph, index))
        else:
            parts.append(Scores(range=(float(values.min()), float(values.max()))))
    reach = (min(one.range[0] for one in parts), max(one.range[1] for one in parts)) if parts else (0.0, 0.0)
    if not parts:
        return Scores(range=(0.0, 0.0))
    return _joined(reach, *parts, selected=frozenset(constants), added=frozenset(added), masked=frozenset(lowered))


def _lowered(graph: Graph, index: int, scores: int) -> Place | None:
    """Return the constant by which an activation is lower than the scores that a SELECT chooses in its place."""
    maker = graph.makers.get(index)
    if maker is None or graph.names[maker] not in {"ADD", "SUB"} or graph.operators[maker].inputs[0] != scores:
        return None
    values = graph.values(graph.operators[maker].inputs[1])
    sign = -1.0 if graph.names[maker] == "SUB" else 1.0
    return (maker, 1) if values is not None and values.size == 1 and float(sign * values.max()) <= -LARGE else None


def _added(graph: Graph, at: int, sign: float) -> Scores:
    """Return what a sum of scores and a mask holds, or scores minus a mask; no masked scores for other sums."""
    first, second = graph.operators[at].inputs
    operands = [(second, 1, sign), (first, 0, 1.0)] if sign > 0 else [(second, 1, sign)]
    for index, place, factor in operands:
        constants, activations = _mask(graph, at, place, index, factor)
        if constants:
            scores = _scores(graph, first if place else second)
            return _joined(scores.range, scores, added=constants, masks=activations)
    return Scores(range=(0.0, 0.0))


def _mask(graph: Graph, at: int, place: int, index: int, sign: float) -> tuple[frozenset[Place], frozenset[int]]:
    """Return the constants of a mask, which is 0 or very negative, and the activations that hold it; nothing if none.

    Args:
        graph: the file.
        at: position of the operator that reads it.
        place: of its inputs.
        index: the tensor.
        sign: -1 if it is subtracted.
    """
    nothing = frozenset[Place](), frozenset[int]()
    values, maker = graph.values(index), graph.makers.get(index)
    if values is not None:
        return (frozenset({(at, place)}), frozenset()) if _is_mask(sign * values) else nothing
    if maker is None:
        return nothing
    name, inputs = graph.names[maker], graph.operators[maker].inputs
    if name in MOVES:
        constants, activations = _mask(graph, maker, 0, inputs[0], sign)
    elif name == "MUL":
        constants, activations = _product(graph, maker, sign), frozenset()
    elif name in SELECTS:
        constants, activations = _choice(graph, maker, sign), frozenset()
    else:
        return nothing
    return (constants, activations | {index}) if constants else nothing


def _is_mask(values: Any) -> bool:
    """Return whether a constant is 0 or very negative, and 0 somewhere in every row, so that no row is masked."""
    is_either = (values == 0) | (values <= -LARGE)
    return values.ndim > 0 and bool(is_either.all() and (values == 0).any(axis=-1).all() and (values < 0).any())


def _product(graph: Graph, maker: int, sign: float) -> frozenset[Place]:
    """Return the large constant that zeros and ones are multiplied by."""
    inputs = graph.operators[maker].inputs
    for place, other in ((0, 1), (1, 0)):
        values = graph.values(inputs[place])
        if values is not None and values.size == 1 and float(sign * values.max()) <= -LARGE:
            is_huge = abs(float(values.max())) >= HUGE and graph.ranges.get(inputs[other], (-1.0, 0.0))[0] >= 0
            if is_huge or _is_binary(graph, inputs[other]):
                return frozenset({(maker, place)})
    return frozenset()


def _choice(graph: Graph, maker: int, sign: float) -> frozenset[Place]:
    """Return the large constant of a SELECT between it and 0."""
    inputs = graph.operators[maker].inputs
    for place, other in ((1, 2), (2, 1)):
        values, zeros = graph.values(inputs[place]), graph.values(inputs[other])
        if values is not None and zeros is not None and (sign * values).max() <= -LARGE and not zeros.any():
            return frozenset({(maker, place)})
    return frozenset()


def _is_binary(graph: Graph, index: int) -> bool:
    """Return whether an activation is certainly 0 or 1: a truth value or an integer, or 1 minus one."""
    from ai_edge_litert import schema_py_generated as schema

    maker = graph.makers.get(index)
    low, high = graph.ranges.get(index, (-1.0, 2.0))
    if maker is None or low < 0 or high > 1:
        return False
    name, inputs = graph.names[maker], graph.operators[maker].inputs
    if name == "CAST":
        return graph.tensors[inputs[0]].type != schema.TensorType.FLOAT32 or _is_binary(graph, inputs[0])
    if name in MOVES:
        return _is_binary(graph, inputs[0])
    one = graph.values(inputs[0]) if name == "SUB" else None
    return one is not None and bool((one == 1).all()) and _is_binary(graph, inputs[1])


def _joined(
    reach: Range,
    *parts: Scores,
    selected: frozenset[Place] = frozenset(),
    added: frozenset[Place] = frozenset(),
    masked: frozenset[int] = frozenset(),
    masks: frozenset[int] = frozenset(),
) -> Scores:
    return Scores(
        range=reach,
        selected=selected.union(*(part.selected for part in parts)),
        added=added.union(*(part.added for part in parts)),
        masked=masked.union(*(part.masked for part in parts)),
        masks=masks.union(*(part.masks for part in parts)),
    )
