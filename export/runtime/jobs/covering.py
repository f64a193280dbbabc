"""Choose the samples that reach most: channels that vary, and both ends of the grids of activations.

What a candidate reaches is known after one run of the integer file, which takes less than half of the time of comparing
its operators.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.samples import Array
from export.runtime.jobs.reach import Reach, limits_of

OF_ACTIVATIONS = 1 << 20  # An activation's end or a varying channel counts more than all ends of single channels.


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Smallest and largest number of every channel (candidates, channels), and whether they are ends of the grid.

    Attributes:
        lows: smallest numbers.
        highs: largest numbers.
        ends: whether the channel reaches the lower (first half of the columns) or upper end of its grid.
        activations: where the columns of each activation begin in `ends`.
    """

    lows: Array
    highs: Array
    ends: Array
    activations: Array


def choose(reached: Sequence[Mapping[str, Array]], reach: Reach, most: int) -> Iterator[int]:
    """Yield up to `most` positions of candidates, each with the one that reaches most that was not reached before.

    Args:
        reached: for each candidate the smallest and largest number (2, channels) of each channel, by activation.
        reach: what other samples reach.
        most: how many are chosen.
    """
    names = [name for name in reach.ends if all(name in one for one in reached)]
    if not names or not reached:
        return
    found = _candidates(reached, reach, names)
    known = np.concatenate([reach.ends[name] for name in names], axis=1)
    low, high, ends = known[0].copy(), known[1].copy(), _at_ends(known[0], known[1], reach, names)
    for _ in range(most):
        gains = _gains(found, low, high, ends)
        best = int(gains.argmax())
        if not gains[best]:
            return
        yield best
        low, high = np.minimum(low, found.lows[best]), np.maximum(high, found.highs[best])
        ends = ends | found.ends[best]


def _candidates(reached: Sequence[Mapping[str, Array]], reach: Reach, names: Sequence[str]) -> _Candidates:
    rows = [np.concatenate([one[name] for name in names], axis=1) for one in reached]
    lows, highs = np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows])
    widths = [reach.ends[name].shape[1] for name in names]
    starts = np.cumsum([0, *widths, *widths])[:-1]
    ends = np.stack([_at_ends(low, high, reach, names) for low, high in zip(lows, highs, strict=True)])
    return _Candidates(lows, highs, ends, starts)


def _at_ends(low: Array, high: Array, reach: Reach, names: Sequence[str]) -> Array:
    """Return for every channel whether it reaches the lower end of its grid, and then for each the upper end."""
    widths = [reach.ends[name].shape[1] for name in names]
    limits = np.repeat([limits_of(reach.dtypes[name]) for name in names], widths, axis=0)
    return np.concatenate([low == limits[:, 0], high == limits[:, 1]])


def _gains(found: _Candidates, low: Array, high: Array, ends: Array) -> Array:
    """Return for each candidate what it reaches and nothing did before."""
    still = low == high
    varying = (np.minimum(low, found.lows)[:, still] < np.maximum(high, found.highs)[:, still]).sum(axis=1)
    known = np.logical_or.reduceat(ends, found.activations)
    whole = (np.logical_or.reduceat(found.ends, found.activations, axis=1) & ~known).sum(axis=1)
    return np.asarray((varying + whole) * OF_ACTIVATIONS + (found.ends & ~ends).sum(axis=1))
