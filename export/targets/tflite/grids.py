"""Weights that lie on an int8 grid already: a stage rounded them, better than anything can without the samples."""

from __future__ import annotations

from typing import Any

import numpy as np

LARGEST, SMALLEST_LARGEST = 127, 32  # A coarser grid than 32 steps was not meant as one for int8.
MOST_OFF = 1e-3  # Steps: float32 rounds a weight by 127 * 2^-24 = 1e-5 of one.


def steps(real: Any) -> Any:
    """Return the steps (channels,) of weights (channels, ...) that are all multiples of one; 0 where there is none.

    Of several, the smallest that int8 can hold.
    """
    rows = np.asarray(real, np.float64).reshape(len(real), -1)
    largest = np.abs(rows).max(axis=1)
    found, todo = np.zeros(len(rows)), np.flatnonzero(largest)
    for most in range(LARGEST, SMALLEST_LARGEST - 1, -1):
        in_steps = rows[todo] * (most / largest[todo, None])
        fits = np.abs(in_steps - np.rint(in_steps)).max(axis=1) < MOST_OFF
        found[todo[fits]] = largest[todo[fits]] / most
        todo = todo[~fits]
    return found
