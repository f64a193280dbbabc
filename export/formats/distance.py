"""How far stored numbers lie from those that they should be, in steps of their grid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Scales are float32, so that a large integer times its scale is only as exact as that.
FLOAT32_ROUNDING = 2.0**-22
AT_ONCE = 1 << 22  # numbers: what is computed on the way stays small beside the weights


def largest_steps(
    found: NDArray[Any],
    expected: NDArray[Any],
    step: NDArray[np.float64],
    room: NDArray[np.float64] | None = None,
) -> float:
    """Return the largest |found - expected| in steps, computed in float64; infinity for NaN and other shapes.

    Args:
        found: any shape.
        expected: of the same shape.
        step: likewise, the size of the step of each number.
        room: likewise, by how much it may be larger at no cost.
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
