"""Detect weights that an earlier pass has already rounded to an int8 grid."""

from __future__ import annotations

from typing import Any

import numpy as np

LARGEST, SMALLEST_LARGEST = 127, 32  # A grid with fewer than 32 steps was not made for int8.
MOST_OFF = 1e-3  # Steps; float32 rounds a weight by 127 * 2^-24 = 1e-5 of a step.
FEW = 64  # Weights per channel that are tested first, which rules out most grids.


def steps(real: Any) -> Any:
    """Return for each channel of weights (channels, ...) the step that all weights are multiples of, or 0.

    If several steps fit, return the smallest one for which the weights fit into int8.
    """
    rows = np.asarray(real, np.float64).reshape(len(real), -1)
    some = rows[:, :: max(1, rows.shape[1] // FEW)]
    largest = np.abs(rows).max(axis=1)
    found, todo = np.zeros(len(rows)), np.flatnonzero(largest)
    for most in range(LARGEST, SMALLEST_LARGEST - 1, -1):
        likely = todo[_fits(some[todo], most / largest[todo])]
        fitting = likely[_fits(rows[likely], most / largest[likely])]
        found[fitting] = largest[fitting] / most
        todo = np.setdiff1d(todo, fitting, assume_unique=True)
    return found


def _fits(rows: Any, steps_per_one: Any) -> Any:
    """Return for each row of (channels, K) whether all weights are multiples of the step."""
    in_steps = rows * steps_per_one[:, None]
    return np.abs(in_steps - np.rint(in_steps)).max(axis=1) < MOST_OFF
