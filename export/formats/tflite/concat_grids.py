"""Give activations that an operator only moves or chooses from, such as inputs of a CONCATENATION, a common grid.

All inputs of a CONCATENATION, or of a MAXIMUM, are requantized to the grid of its output, which rounds them a second
time. If an input has no other reader, or its own grid would be hardly finer, it gets the range of the output from the
start, which avoids the second rounding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from calibration.ranges import Range
from export.formats.tflite import flatbuffer

# A grid that is coarser by r has r^2 times the noise; a second rounding to it adds 1 / r^2 of that. Both are equal for
# r^2 = 1 + 1 / r^2: the root of the golden ratio.
COARSER = 1.27
CUT = 0.05  # Share of its own range that an input may lose: less than a step of the search for ranges.

# Operators whose inputs are requantized to the grid of the output. The largest or the chosen of two values does not
# change if values that are never chosen are cut to the range of the output.
JOINS = frozenset({"CONCATENATION", "PACK", "MAXIMUM", "MINIMUM", "SELECT", "SELECT_V2"})

# Operators that return all input values on the same grid (ai-edge-quantizer, uniform_quantize/common_quantize.py).
MOVES_ALL = frozenset({"MAX_POOL_2D", "MIRROR_PAD", "PAD", "RESHAPE", "RESIZE_NEAREST_NEIGHBOR", "TILE", "TRANSPOSE"})

# Operators that return some of their input values, or means.
TAKES_SOME = frozenset({"AVERAGE_POOL_2D", "GATHER", "GATHER_ND", "REDUCE_MIN", "RESIZE_BILINEAR", "SLICE",
    "SPACE_TO_DEPTH", "SPLIT", "STRIDED_SLICE", "UNPACK"})  # fmt: skip

# Operators with a grid that the runtime fixes.
FIXED = frozenset({"L2_NORMALIZATION", "LOGISTIC", "LOG_SOFTMAX", "SOFTMAX", "TANH"})


def shared(model: flatbuffer.Model, ranges: Mapping[int, Range]) -> dict[int, Range]:
    """Return the ranges of a float file's activations by index, with common ranges for concatenated activations."""
    found = dict(ranges)
    operators = model.subgraphs[0].operators
    makers = {index: operator for operator in operators for index in operator.outputs}
    readers = Counter(index for operator in operators for index in operator.inputs)
    for operator in operators:
        pass_on(model, operator, found)
    # In reverse order, because an input may be a concatenation itself.
    for operator in reversed(operators):
        whole = found.get(operator.outputs[0])
        if whole is None or flatbuffer.op_name(model, operator) not in JOINS:
            continue
        for index in (one for one in operator.inputs if one in found):
            line = list(_on_one_grid(model, makers, index))
            if line and all(_may_take(found[one], whole, readers[one]) for one in line):
                found.update(dict.fromkeys(line, whole))
    for operator in operators:  # For operators that read a part of a concatenation.
        pass_on(model, operator, found)
    return found


def pass_on(model: flatbuffer.Model, operator: Any, found: dict[int, Range]) -> None:
    """Give the outputs of an operator that only moves data the range of its input."""
    if flatbuffer.op_name(model, operator) in MOVES_ALL | TAKES_SOME:
        source = next((found[index] for index in operator.inputs if index in found), None)
        found.update({index: source for index in operator.outputs if source is not None and index in found})


def on_fixed_grids(model: flatbuffer.Model) -> set[int]:
    """Return the activations on a grid that the runtime or a constant table fixes, or that are only moved from one."""
    found: set[int] = set()
    known = flatbuffer.activations(model)
    for operator in model.subgraphs[0].operators:
        name = flatbuffer.op_name(model, operator)
        moved = name in MOVES_ALL | TAKES_SOME and any(index in found for index in operator.inputs)
        taken = name in TAKES_SOME and not any(index in known for index in operator.inputs)
        if name in FIXED or moved or taken:
            found.update(int(index) for index in operator.outputs)
    return found


def _on_one_grid(model: flatbuffer.Model, makers: Mapping[int, Any], index: int) -> Iterator[int]:
    """Yield an activation and those before it that share its grid; nothing if the grid is fixed."""
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
    """Return whether an activation loses little accuracy on the grid of the concatenation."""
    if readers == 1:
        return True
    low, high = min(own[0], 0.0), max(own[1], 0.0)
    width, wider = high - low, max(whole[1], 0.0) - min(whole[0], 0.0)
    cut = max(min(whole[0], 0.0) - low, high - max(whole[1], 0.0))
    return cut <= CUT * width and wider <= COARSER * width
