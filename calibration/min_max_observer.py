"""The plain observer: all that was seen."""

from __future__ import annotations

from typing import Self

import numpy as np

from calibration.ranges import Ranges, check_finite
from calibration.samples import Array


class MinMaxObserver:
    """The smallest and the largest value ever seen: nothing is clipped."""

    name = "min-max"

    def __init__(self, exact: frozenset[str] = frozenset()) -> None:
        """Take `exact` like every observer; here every tensor is exact."""
        self.exact = exact
        self._seen: dict[str, tuple[float, float]] = {}

    def update(self, tensor: str, values: Array) -> None:
        """Take one sample's values of a tensor; two vectorised passes, no copy."""
        if values.size == 0:
            return
        low, high = smallest_and_largest(tensor, values)
        seen = self._seen.get(tensor)
        self._seen[tensor] = (low, high) if seen is None else (min(seen[0], low), max(seen[1], high))

    def ranges(self) -> Ranges:
        """Return the range of every tensor seen."""
        return Ranges(by_tensor=dict(self._seen), observer=self.name)

    def merged(self, other: Self) -> Self:
        """Return the observer that has seen what both have seen."""
        both = type(self)(self.exact)
        both._seen = dict(self.ranges().merge(other.ranges()).by_tensor)
        return both


def smallest_and_largest(tensor: str, values: Array) -> tuple[float, float]:
    """Return min and max of `values`.

    Raises:
        ZooError: a NaN or an infinity among them (both survive min and max, so the check costs no pass).
    """
    low, high = float(np.min(values)), float(np.max(values))
    check_finite(tensor, low, high)
    return low, high
