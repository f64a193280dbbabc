"""Activations that must lie on one grid, because an operator only moves integers from one to the other.

What a CONCATENATION reads lies on its output's grid; what has another grid is rounded a second time on the way. Where
nobody else reads it, or its own grid would be hardly finer, its range becomes that of the CONCATENATION from the start,
and the second rounding goes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from calibration.ranges import Range
from export.formats.tflite import flatbuffer

# A grid that is coarser by r has r^2 times the noise; a second rounding onto it adds 1 / r^2 of that. They are even
# where r^2 = 1 + 1 / r^2: at the root of the golden ratio.
COARSER = 1.27
CUT = 0.05  # share of its own range that it may lose: less than a step of what is tried when ranges are chosen
JOINS = "CONCATENATION"
# They give all numbers that they take, on the same grid (ai-edge-quantizer, uniform_quantize/common_quantize.py).
MOVES_ALL = frozenset({"MAX_POOL_2D", "MIRROR_PAD", "PAD", "RESHAPE", "RESIZE_NEAREST_NEIGHBOR", "TILE", "TRANSPOSE"})
# They give some of them, or means.
TAKES_SOME = frozenset({"AVERAGE_POOL_2D", "GATHER", "GATHER_ND", "REDUCE_MIN", "RESIZE_BILINEAR", "SLICE",
    "SPACE_TO_DEPTH", "SPLIT", "STRIDED_SLICE", "UNPACK"})  # fmt: skip
# The runtime gives them a grid.
FIXED = frozenset({"L2_NORMALIZATION", "LOGISTIC", "LOG_SOFTMAX", "SOFTMAX", "TANH"})


def shared(model: flatbuffer.Model, ranges: Mapping[int, Range]) -> dict[int, Range]:
    """Return the ranges of a float file's activations, by index, alike for those that are joined where it is better."""
    found = dict(ranges)
    operators = model.subgraphs[0].operators
    makers = {index: operator for operator in operators for index in operator.outputs}
    readers = Counter(index for operator in operators for index in operator.inputs)
    for operator in operators:
        pass_on(model, operator, found)
    # The last one first: what it reads may be joined itself.
    for operator in reversed(operators):
        if flatbuffer.op_name(model, operator) != JOINS:
            continue
        whole = found[operator.outputs[0]]
        for index in operator.inputs:
            line = list(_on_one_grid(model, makers, index))
            if line and all(_may_take(found[one], whole, readers[one]) for one in line):
                found.update(dict.fromkeys(line, whole))
    for operator in operators:  # those that take a part of something that was joined
        pass_on(model, operator, found)
    return found


def pass_on(model: flatbuffer.Model, operator: Any, found: dict[int, Range]) -> None:
    """Give what an operator only moves the range of what it reads."""
    if flatbuffer.op_name(model, operator) in MOVES_ALL | TAKES_SOME:
        source = next((found[index] for index in operator.inputs if index in found), None)
        found.update({index: source for index in operator.outputs if source is not None and index in found})


def _on_one_grid(model: flatbuffer.Model, makers: Mapping[int, Any], index: int) -> Iterator[int]:
    """Yield an activation and those before it that must have its grid; nothing if that is not free."""
    line = []
    while index in makers:
        line.append(index)
        name = flatbuffer.op_name(model, makers[index])
        if name in TAKES_SOME | FIXED:
            return
        if name not in MOVES_ALL:
            yield from line
            return
        index = makers[index].inputs[0]


def _may_take(own: Range, whole: Range, readers: int) -> bool:
    """Return whether an activation loses little on the grid of what it becomes a part of."""
    if readers == 1:
        return True
    low, high = min(own[0], 0.0), max(own[1], 0.0)
    width, wider = high - low, max(whole[1], 0.0) - min(whole[0], 0.0)
    cut = max(min(whole[0], 0.0) - low, high - max(whole[1], 0.0))
    return cut <= CUT * width and wider <= COARSER * width
