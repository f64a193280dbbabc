"""Observers that clip rare values for a finer resolution of the frequent ones."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from calibration.histogram import Histogram
from calibration.ranges import Range, Ranges
from calibration.samples import Array

INT8_STEPS = 255
# Candidate ends relative to the observed end; geometric, because a single outlier can be 100 times the rest.
SHRINKS = np.geomspace(1.0, 0.01, 160)


class HistogramObserver:
    """Keeps one histogram per tensor; a subclass chooses where to clip."""

    name: ClassVar[str]

    def __init__(self, exact: frozenset[str] = frozenset()) -> None:
        """Start without observations; tensors named in `exact` are never clipped."""
        self.exact = exact
        self._histograms: dict[str, Histogram] = {}

    def update(self, tensor: str, values: Array) -> None:
        """Observe one sample's values of a tensor."""
        if values.size:
            self._histograms.setdefault(tensor, Histogram()).update(tensor, values)

    def ranges(self) -> Ranges:
        """Return the range of every observed tensor.

        Raises:
            ValueError: a tensor of `exact` was never observed; its name is wrong, so the real one would be clipped.
        """
        unseen = self.exact - self._histograms.keys()
        if unseen and self._histograms:
            raise ValueError(f"tensors to keep exact were never observed: {', '.join(sorted(unseen))}")
        by_tensor = {name: self._range(name, histogram) for name, histogram in self._histograms.items()}
        return Ranges(by_tensor=by_tensor, observer=self.name)

    def merged(self, other: Self) -> Self:
        """Return an observer of the combined observations."""
        both = type(self)(self.exact)
        both._histograms = dict(self._histograms)
        for name, histogram in other._histograms.items():
            mine = both._histograms.get(name)
            both._histograms[name] = histogram if mine is None else mine.merged(histogram)
        return both

    def clip(self, histogram: Histogram) -> Range:
        """Return the range that integers should represent."""
        raise NotImplementedError

    def _range(self, name: str, histogram: Histogram) -> Range:
        return (histogram.low, histogram.high) if name in self.exact else self.clip(histogram)


class PercentileObserver(HistogramObserver):
    """Range from the 0.01 % to the 99.99 % quantile."""

    name = "percentile"
    kept: ClassVar[float] = 0.9999

    def clip(self, histogram: Histogram) -> Range:
        """Return the lower and the upper quantile."""
        return histogram.quantile(1 - self.kept), histogram.quantile(self.kept)


class MseObserver(HistogramObserver):
    """Range with the smallest mean squared error of int8: rounding inside plus clipping outside.

    Rounding is modelled as uniform noise of variance step^2 / 12 (Widrow 1956), except for exact zeros, which every
    range represents exactly. Each pair of ends then costs two table look-ups.
    """

    name = "mse"

    def clip(self, histogram: Histogram) -> Range:
        """Return the best pair of candidate ends; the error is that of a range that contains zero, as int8 requires."""
        lows = histogram.low * SHRINKS if histogram.low < 0 else np.array([min(histogram.low, 0.0)])
        highs = histogram.high * SHRINKS if histogram.high > 0 else np.array([0.0])
        below, clipped_below = _tail(histogram, -lows, -1)
        above, clipped_above = _tail(histogram, highs, 1)
        inside = histogram.counts.sum() - histogram.zeros - below[:, None] - above[None, :]
        step = (highs[None, :] - lows[:, None]) / INT8_STEPS
        error = np.maximum(inside, 0) * step**2 / 12 + clipped_below[:, None] + clipped_above[None, :]
        low, high = np.unravel_index(int(np.argmin(error)), error.shape)
        # An end on the other side of zero has no candidates; keep the observed value.
        return (
            float(lows[low]) if histogram.low < 0 else histogram.low,
            float(highs[high]) if histogram.high > 0 else histogram.high,
        )


def _tail(
    histogram: Histogram, ends: NDArray[np.float64], sign: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the number of values beyond each of `ends` on the side of `sign`, and their summed squared excess."""
    centres, counts = (sign * histogram.centres)[::sign], histogram.counts[::sign].astype(np.float64)
    sums = [np.append(np.cumsum((counts * centres**power)[::-1])[::-1], 0.0) for power in (0, 1, 2)]
    first = np.searchsorted(centres, ends, side="right")
    count, linear, square = (total[first] for total in sums)
    return count, np.maximum(square - 2 * ends * linear + ends**2 * count, 0.0)
