"""Choose grids on which every runtime rounds a sum equally.

LiteRT adds integers with 21-bit multipliers (XNNPACK, parameters of qs8-vadd: the larger ratio of scales lies in
[2^20, 2^21), the sum is rounded half up); ONNX Runtime adds float32 (QLinearAdd, rounded half to even). If a sum is
close to a half, the results differ by one step, which a deep network amplifies: one such pair in MobileNet v2, 19 and
15 steps with the sum 20.499994, moved half of its logits by a step. The grid of a sum is therefore made slightly
coarser than planned until no pair of small numbers, or as few as possible, comes that close to a half.

A constant term may put all sums there: bytes as x / 127.5 - 1, a usual preprocessing, lie half a step beside the grid
of their range. The grid that is coarser by 1 / 255 has steps of 1 / 127 and half of the error.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from calibration.ranges import Range
from export.formats.tflite import concat_grids, flatbuffer

TRIED, COARSER = 24, 2.0**-12  # Number of grids, and the relative increase per grid: 0.6 % at most.
COMMON = 64  # Steps from zero that are checked; most numbers are smaller.
Term = tuple[np.float32, NDArray[np.float64]]  # Scale, and numbers in steps from zero.
BITS = 20  # Bits of XNNPACK's larger multiplier minus one.
NEAR = 4e-5  # Steps: three roundings of float32 numbers up to 512, half a unit in the last place each.


def settled(model: flatbuffer.Model, ranges: Mapping[int, Range]) -> dict[int, Range]:
    """Return the ranges of a float file's activations by index, with those of sums slightly widened if necessary."""
    found = dict(ranges)
    operators = [(flatbuffer.op_name(model, operator), operator) for operator in model.subgraphs[0].operators]
    joined = {index for name, operator in operators if name in concat_grids.JOINS for index in operator.inputs}
    for name, operator in operators:
        concat_grids.pass_on(model, operator, found)
        terms = [found[index] for index in operator.inputs if index in found]
        total = operator.outputs[0]
        if total in joined:
            continue
        if name == "ADD" and len(terms) == 2:
            found[total] = wider(*terms, found[total])
        elif name in ("ADD", "SUB") and len(terms) == 1:
            first, (scale, numbers) = (_added(model, index, found) for index in operator.inputs)
            found[total] = _nearest(first, (scale, numbers if name == "ADD" else -numbers), found[total])
    return found


@lru_cache(maxsize=1024)
def wider(first: Range, second: Range, total: Range) -> Range:
    """Return the range for the sum of two int8 tensors: `total` or slightly wider."""
    small = np.arange(-COMMON, COMMON + 1, dtype=np.float64)
    parts = (_scale(first), small), (_scale(second), small)
    best, fewest = total, None
    for candidate in _candidates(total):
        parting = pairs_that_part(*parts, _scale(candidate))
        if fewest is None or parting < fewest:
            best, fewest = candidate, parting
        if not parting:
            break
    return best


def _nearest(first: Term, second: Term, total: Range) -> Range:
    """Return the range for a sum with a constant: of those with the fewest pairs that part, that of the least error."""

    def badness(candidate: Range) -> tuple[int, float]:
        scale = _scale(candidate)
        sums = (first[0] * first[1][:, None] + second[0] * second[1]) / scale
        return pairs_that_part(first, second, scale), float(np.square((sums - np.rint(sums)) * scale).mean())

    return min(_candidates(total), key=badness)


def _candidates(total: Range) -> list[Range]:
    return [(total[0] * stretch, total[1] * stretch) for stretch in (1 + tried * COARSER for tried in range(TRIED))]


def pairs_that_part(first: Term, second: Term, total: np.float32) -> int:
    """Return the number of pairs of terms whose sum the two runtimes may round differently.

    Args:
        first: scale and numbers of the first term.
        second: scale and numbers of the second term.
        total: scale of the sum.
    """
    ratios = np.array([first[0] / total, second[0] / total], np.float32).astype(np.float64)
    shift = BITS - int(np.floor(np.log2(ratios.max())))
    real, multiplied = (
        one[0] * first[1][:, None] + one[1] * second[1] for one in (ratios, np.rint(ratios * 2.0**shift) / 2.0**shift)
    )
    rounded = np.floor(multiplied + 0.5)
    return int(((np.rint(real - NEAR) != rounded) | (np.rint(real + NEAR) != rounded)).sum())


def _added(model: flatbuffer.Model, index: int, ranges: Mapping[int, Range]) -> Term:
    """Return a term whose other term is a constant: all numbers of an activation, or those that the constant has."""
    if index in ranges:
        low, high = min(ranges[index][0], 0.0), max(ranges[index][1], 0.0)
        scale = _scale((low, high))
        return scale, np.arange(np.rint(low / scale), np.rint(high / scale) + 1)
    values = np.unique(flatbuffer.constant(model, model.subgraphs[0].tensors[index])).astype(np.float64)
    scale = _scale((min(float(values[0]), 0.0), max(float(values[-1]), 0.0)))
    return scale, np.unique(np.rint(values / scale))


def _scale(limits: Range) -> np.float32:
    """Return the scale that ai-edge-quantizer chooses."""
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.algorithms.uniform_quantize.uniform_quantize_tensor import tensor_zp_scale_from_min_max

    low, high = (np.array([limit], np.float32) for limit in limits)
    _, scale = tensor_zp_scale_from_min_max(low, high, 8, False, qtyping.QuantGranularity.TENSORWISE)
    return np.float32(scale.item())
