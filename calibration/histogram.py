"""Streaming histogram whose range grows by doubling, because the range is not known in advance."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numpy.typing import NDArray

from calibration.min_max_observer import smallest_and_largest
from calibration.samples import Array

BINS = 16384
# Below 2**-100 the factor from a value to its bin overflows float32.
SMALLEST_EXPONENT = -100
CHUNK = 1 << 16  # values per step, so that the temporaries stay in the cache


class Histogram:
    """Counts in equal bins over [-limit, limit), where limit is a power of two.

    The bins of a larger limit are unions of those of a smaller one, so growing and merging are exact, and the result
    does not depend on the order of the data.

    Attributes:
        low: smallest observed value.
        high: largest observed value.
        zeros: number of values that are exactly 0.
        counts: (BINS,) number of values in each bin.
    """

    def __init__(self) -> None:
        self.low, self.high = math.inf, -math.inf
        self.zeros = 0
        self.counts = np.zeros(BINS, np.int64)
        self._exponent = SMALLEST_EXPONENT

    @property
    def width(self) -> float:
        """Width of one bin."""
        return math.ldexp(2.0 / BINS, self._exponent)

    @property
    def centres(self) -> NDArray[np.float64]:
        """Centre of each bin, shape (BINS,)."""
        return (np.arange(BINS, dtype=np.float64) - BINS // 2 + 0.5) * self.width

    def update(self, tensor: str, values: Array) -> None:
        """Count `values` of any shape.

        Raises:
            ZooError: a value is not finite; the message names `tensor`.
        """
        if values.size == 0:
            return
        low, high = smallest_and_largest(tensor, values)
        self.low, self.high = min(self.low, low), max(self.high, high)
        largest = max(-low, high)
        if largest:  # zero fits every limit, but frexp(0) would ask for a limit of 1
            # frexp: |value| < 2**exponent strictly, so the largest value falls into a bin.
            self._grow(math.frexp(largest)[1])
        flat = values.ravel() if values.dtype in (np.float32, np.float64) else values.ravel().astype(np.float64)
        for start in range(0, flat.size, CHUNK):
            self._count(flat[start : start + CHUNK])

    def merged(self, other: Self) -> Self:
        """Return the histogram of the values of both."""
        both, add = type(self)(), type(self)()
        for target, source in ((both, self), (add, other)):
            target.counts, target._exponent = source.counts.copy(), source._exponent
        both._grow(add._exponent)
        add._grow(both._exponent)
        both.counts += add.counts
        both.low, both.high = min(self.low, other.low), max(self.high, other.high)
        both.zeros = self.zeros + other.zeros
        return both

    def quantile(self, share: float) -> float:
        """Return the value below which `share` of all values lies, interpolated linearly inside a bin."""
        cumulative = np.cumsum(self.counts)
        target = share * float(cumulative[-1])
        index = int(np.searchsorted(cumulative, target))
        before = float(cumulative[index - 1]) if index else 0.0
        if index == BINS // 2 and target - before <= self.zeros:
            return 0.0  # after a ReLU most values are exactly zero; they are the smallest of this bin
        inside = (target - before) / max(1.0, float(self.counts[index]))
        value = (index - BINS // 2 + inside) * self.width
        return min(max(value, self.low), self.high)

    def _count(self, flat: Array) -> None:
        # The factor is a power of two, so the product is exact. The cast truncates, hence floor first.
        place = flat * (1.0 / self.width)
        np.floor(place, out=place)
        place += BINS // 2
        self.counts += np.bincount(place.astype(np.intp), minlength=BINS)
        self.zeros += flat.size - int(np.count_nonzero(flat))

    def _grow(self, exponent: int) -> None:
        for _ in range(exponent - self._exponent):
            pairs = self.counts.reshape(BINS // 2, 2).sum(axis=1)
            self.counts = np.zeros(BINS, np.int64)
            self.counts[BINS // 4 : 3 * BINS // 4] = pairs
        self._exponent = max(exponent, self._exponent)
