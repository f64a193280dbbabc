"""Split a .tflite into parts that run one after the other, to limit the memory for activations."""

from __future__ import annotations

import bisect
import copy
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from export.formats.tflite import flatbuffer, loops

FLOAT32_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class Part:
    """Consecutive operators of a file.

    Attributes:
        operators: the operators.
        reads: indices of the tensors that earlier parts compute and this part reads.
        gives: indices of the tensors that this part computes and that later parts or the file's outputs need.
    """

    operators: Sequence[Any]
    reads: tuple[int, ...]
    gives: tuple[int, ...]

    @property
    def makes(self) -> tuple[int, ...]:
        """The indices of all tensors that the part computes."""
        return tuple(index for operator in self.operators for index in operator.outputs)


def split(model: flatbuffer.Model, most_bytes: int) -> list[Part]:
    """Return the parts of the first subgraph; each computes at most `most_bytes`, or is a single operator.

    A part ends in the second half of its maximum length, where the fewest bytes must be passed on.
    """
    subgraph = model.subgraphs[0]
    operators = list(subgraph.operators)
    made = [sum(_bytes(subgraph.tensors[index]) for index in operator.outputs) for operator in operators]
    handed_on = _handed_on(subgraph)
    ends, start = [], 0
    while start < len(operators):
        sizes = list(itertools.accumulate(made[start:]))
        longest = max(1, bisect.bisect_right(sizes, most_bytes))
        shortest = min(longest, bisect.bisect_right(sizes, most_bytes // 2) + 1)
        whole = start + longest == len(operators)
        choices = range(start + shortest, start + longest + 1)
        start = len(operators) if whole else min(choices, key=lambda end: (handed_on[end - 1], -end))
        ends.append(start)
    runs = [operators[start:end] for start, end in itertools.pairwise([0, *ends])]
    return [_part(subgraph, runs, number) for number in range(len(runs))]


def _handed_on(subgraph: Any) -> list[int]:
    """Return for each operator the number of bytes computed up to it that later operators read."""
    last = {index: place for place, operator in enumerate(subgraph.operators) for index in operator.inputs}
    change = [0] * (len(subgraph.operators) + 1)
    for place, operator in enumerate(subgraph.operators):
        for index in operator.outputs:
            change[place] += _bytes(subgraph.tensors[index])
            change[last.get(index, place)] -= _bytes(subgraph.tensors[index])
    return list(itertools.accumulate(change))


def content(model: flatbuffer.Model, part: Part) -> bytes:
    """Return a part as a separate file, without signatures and unused weights."""
    from ai_edge_litert import schema_py_generated as schema

    alone, subgraph = copy.copy(model), copy.copy(model.subgraphs[0])
    subgraph.operators, subgraph.inputs, subgraph.outputs = list(part.operators), list(part.reads), list(part.gives)
    bodies = model.subgraphs[1:] if loops.in_operators(model, part.operators) else []
    alone.subgraphs, alone.signatureDefs = [subgraph, *bodies], []
    touched = {index for operator in part.operators for index in (*operator.inputs, *operator.outputs) if index >= 0}
    used = {subgraph.tensors[index].buffer for index in touched}
    used |= {tensor.buffer for body in bodies for tensor in body.tensors}
    alone.buffers = [one if position in used else schema.BufferT() for position, one in enumerate(model.buffers)]
    alone.metadata, alone.metadataBuffer = None, None
    return flatbuffer.write(alone)


def _part(subgraph: Any, runs: Sequence[Sequence[Any]], number: int) -> Part:
    here = runs[number]
    before = {*subgraph.inputs, *_made(runs[:number])}
    after = {index for run in runs[number + 1 :] for operator in run for index in operator.inputs}
    reads = dict.fromkeys(index for operator in here for index in operator.inputs if index in before)
    gives = [index for index in _made([here]) if index in after or index in subgraph.outputs]
    return Part(operators=here, reads=tuple(reads), gives=tuple(gives))


def _made(runs: Sequence[Sequence[Any]]) -> list[int]:
    return [index for run in runs for operator in run for index in operator.outputs]


def _bytes(tensor: Any) -> int:
    return FLOAT32_BYTES * math.prod(int(size) for size in tensor.shape)
