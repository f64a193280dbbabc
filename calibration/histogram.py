"""A histogram of a stream whose range is not known ahead: it grows by doubling."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numpy.typing import NDArray

from calibration.min_max_observer import smallest_and_largest
from calibration.samples import Array

BINS = 16384
# Below 2**-100 float32 cannot hold the factor from a value to its bin.
SMALLEST_EXPONENT = -100
CHUNK = 1 << 16  # values, so that the temporaries stay in the cache


class Histogram:
    """Counts over [-limit, limit), limit a power of two.

    The bins of two limits nest, so growing and merging are exact: the order of the data does not matter.

    Attributes:
        low: smallest value seen.
        high: largest value seen.
        zeros: how many values are exactly 0.
        counts: (BINS,) how many values each bin holds.
    """

    def __init__(self) -> None:
        self.low, self.high = math.inf, -math.inf
        self.zeros = 0
        self.counts = np.zeros(BINS, np.int64)
        self._exponent = SMALLEST_EXPONENT

    @property
    def width(self) -> float:
        """Of one bin."""
        return math.ldexp(2.0 / BINS, self._exponent)

    @property
    def centres(self) -> NDArray[np.float64]:
        """The middle of each bin, (BINS,)."""
        return (np.arange(BINS, dtype=np.float64) - BINS // 2 + 0.5) * self.width

    def update(self, tensor: str, values: Array) -> None:
        """Count `values`, any shape; `tensor` is for the message if one is not finite."""
        if values.size == 0:
            return
        low, high = smallest_and_largest(tensor, values)
        self.low, self.high = min(self.low, low), max(self.high, high)
        largest = max(-low, high)
        if largest:  # zero fits every limit; as a power of two it would be taken for 1
            # frexp: |value| < 2**exponent, strictly, so that the largest value has a bin.
            self._grow(math.frexp(largest)[1])
        flat = values.ravel() if values.dtype in (np.float32, np.float64) else values.ravel().astype(np.float64)
        for start in range(0, flat.size, CHUNK):
            self._count(flat[start : start + CHUNK])

    def merged(self, other: Self) -> Self:
        """Return the histogram of what both have seen."""
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
        """Return the value under which that share of all values lies, linear inside a bin."""
        cumulative = np.cumsum(self.counts)
        target = share * float(cumulative[-1])
        index = int(np.searchsorted(cumulative, target))
        before = float(cumulative[index - 1]) if index else 0.0
        if index == BINS // 2 and target - before <= self.zeros:
            return 0.0  # behind a ReLU most values are exactly zero: the first ones of this bin
        inside = (target - before) / max(1.0, float(self.counts[index]))
        value = (index - BINS // 2 + inside) * self.width
        return min(max(value, self.low), self.high)

    def _count(self, flat: Array) -> None:
        # The factor is a power of two, so that the product is exact. floor before the cast, which truncates.
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
