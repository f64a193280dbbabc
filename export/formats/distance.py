"""Distance between stored and expected numbers, in quantization steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Scales are float32, which limits the precision of a large integer times its scale.
FLOAT32_ROUNDING = 2.0**-22
LARGEST = 127  # of the integers of symmetric weights
AT_ONCE = 1 << 22  # Numbers per chunk: temporary arrays stay small compared with the weights.


def symmetric_steps(weights: NDArray[Any], axis: int) -> NDArray[np.float64]:
    """Return the steps of symmetric 8-bit weights with a scale for each index of `axis`; the other sizes are 1."""
    others = tuple(one for one in range(weights.ndim) if one != axis % weights.ndim)
    largest = np.abs(weights).max(others, keepdims=True).astype(np.float64)
    steps: NDArray[np.float64] = np.maximum(largest / LARGEST, np.finfo(np.float32).tiny)
    return steps


def largest_steps(
    found: NDArray[Any],
    expected: NDArray[Any],
    step: NDArray[np.float64],
    room: NDArray[np.float64] | None = None,
) -> float:
    """Return the largest |found - expected| in steps, in float64; infinity for NaN or unequal shapes.

    Args:
        found: stored numbers of any shape.
        expected: expected numbers of the same shape.
        step: step size of each number, of the same shape.
        room: amount by which each number may exceed the expected one, of the same shape.
    """
    if found.shape != expected.shape:
        return float("inf")
    if not found.size:
        return 0.0
    if not found.ndim:
        return largest_steps(*(np.reshape(one, 1) for one in (found, expected, step)))
    worst, count = 0.0, max(1, AT_ONCE * len(found) // found.size)
    for start in range(0, len(found), count):
        some = slice(start, start + count)
        reference = expected[some].astype(np.float64)
        above = found[some] - reference
        error = np.maximum(above if room is None else above - room[some], -above)
        largest = float(np.max((error - FLOAT32_ROUNDING * np.abs(reference)) / step[some]))
        if np.isnan(largest):
            return float("inf")
        worst = max(worst, largest)
    return worst
