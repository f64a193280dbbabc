"""Headroom of a range: how much wider than the observed values it should be, because other samples exceed them.

Few samples show only a part of the range that an activation takes. A new sample exceeds the largest of N with
probability 1 / (N + 1), by an excess whose distribution is exponential for most tails (Pickands 1975,
https://doi.org/10.1214/aos/1176343003, with shape 0); its mean is that of the largest observed values above the next
one. A wider range rounds all values more coarsely instead. The headroom here costs the least in sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.min_max_observer import smallest_and_largest
from calibration.observers import Update
from calibration.ranges import Range
from calibration.samples import Array

Floats = NDArray[np.float64]

STEPS = 255
FEWEST_SAMPLES = 8  # From fewer, nothing can be said of the tail.
TAIL = 0.1  # Share of the samples whose largest values are the tail.
# Candidates, as shares of the observed width. Cut values are rare and cost much; coarser rounding costs all samples, so
# it is limited to 0.7 dB. Without this limit, networks whose other samples stay within the ranges lose up to 5 dB, and
# those whose other samples do not gain 0.8 dB more.
SHARES = np.append(0.0, np.geomspace(0.01, 0.08, 8))
# Values beyond a range come together, several of one sample and in several activations, and their errors add.
TOGETHER = 8.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Ends:
    """The ends of an activation's values on each sample.

    Attributes:
        count: number of values on one sample.
        lows: the smallest value of each sample (samples,).
        highs: the largest value of each sample (samples,).
    """

    count: int
    lows: Floats
    highs: Floats

    def headroom(self) -> Range:
        """Return the numbers to add to the ends of the observed range, of which the first is at most 0."""
        width = max(float(self.highs.max()), 0.0) - min(float(self.lows.min()), 0.0)
        below = _headroom(-self.lows, width, self.count) if self.lows.min() < 0 else 0.0
        above = _headroom(self.highs, width, self.count) if self.highs.max() > 0 else 0.0
        return -below, above


class EndsRecorder:
    """Records the ends of every activation on every sample."""

    def __init__(self) -> None:
        """Start without samples."""
        self._seen: dict[str, list[Range]] = {}
        self._counts: dict[str, int] = {}

    def then(self, update: Update) -> Update:
        """Return an update function that records and calls `update`."""

        def both(name: str, values: Array) -> None:
            update(name, values)
            if values.size:
                self._seen.setdefault(name, []).append(smallest_and_largest(name, values))
                self._counts[name] = values.size

        return both

    def headroom(self) -> dict[str, Range]:
        """Return the headroom of every activation."""
        return {name: _ends(rows, self._counts[name]).headroom() for name, rows in self._seen.items()}


def _ends(rows: list[Range], count: int) -> Ends:
    lows, highs = np.asarray(rows, np.float64).T
    return Ends(count=count, lows=lows, highs=highs)


def _headroom(tops: Floats, width: float, count: int) -> float:
    """Return the headroom above the largest of `tops`, the largest values of the samples."""
    samples = len(tops)
    tail = max(2, round(TAIL * samples))
    if samples < FEWEST_SAMPLES or width <= 0:
        return 0.0
    ordered = np.sort(tops)[::-1]
    excess = float(np.mean(ordered[:tail] - ordered[tail]))
    if excess <= 0:  # a cap
        return 0.0
    candidates = SHARES * width
    rounding = count * ((width + candidates) / STEPS) ** 2 / 12
    beyond = TOGETHER * 2 * excess**2 * np.exp(-candidates / excess) / (samples + 1)
    return float(candidates[int(np.argmin(rounding + beyond))])
