"""Observer that keeps the full range of the observed values."""

from __future__ import annotations

from typing import Self

import numpy as np

from calibration.ranges import Ranges, check_finite
from calibration.samples import Array


class MinMaxObserver:
    """Smallest and largest observed value of each tensor; nothing is clipped."""

    name = "min-max"

    def __init__(self, exact: frozenset[str] = frozenset()) -> None:
        """Accept `exact` like every observer; this observer clips no tensor."""
        self.exact = exact
        self._seen: dict[str, tuple[float, float]] = {}

    def update(self, tensor: str, values: Array) -> None:
        """Observe one sample's values of a tensor, in two vectorised passes without a copy."""
        if values.size == 0:
            return
        low, high = smallest_and_largest(tensor, values)
        seen = self._seen.get(tensor)
        self._seen[tensor] = (low, high) if seen is None else (min(seen[0], low), max(seen[1], high))

    def ranges(self) -> Ranges:
        """Return the range of every observed tensor."""
        return Ranges(by_tensor=dict(self._seen), observer=self.name)

    def merged(self, other: Self) -> Self:
        """Return an observer of the combined observations."""
        both = type(self)(self.exact)
        both._seen = dict(self.ranges().merge(other.ranges()).by_tensor)
        return both


def smallest_and_largest(tensor: str, values: Array) -> tuple[float, float]:
    """Return the minimum and maximum of `values`.

    Raises:
        ZooError: `values` contains NaN or infinity; min and max propagate both, so the check needs no extra pass.
    """
    low, high = float(np.min(values)), float(np.max(values))
    check_finite(tensor, low, high)
    return low, high
