"""Weights that lie on an int8 grid already: a stage rounded them, better than anything can without the samples."""

from __future__ import annotations

from typing import Any

import numpy as np

LARGEST, SMALLEST_LARGEST = 127, 32  # A coarser grid than 32 steps was not meant as one for int8.
MOST_OFF = 1e-3  # Steps: float32 rounds a weight by 127 * 2^-24 = 1e-5 of one.
FEW = 64  # weights of a channel that are asked before all of them: hardly a number of steps fits even these


def steps(real: Any) -> Any:
    """Return the steps (channels,) of weights (channels, ...) that are all multiples of one; 0 where there is none.

    Of several, the smallest that int8 can hold.
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
    """Return for each of the rows (channels, K) whether all its weights are whole steps."""
    in_steps = rows * steps_per_one[:, None]
    return np.abs(in_steps - np.rint(in_steps)).max(axis=1) < MOST_OFF
