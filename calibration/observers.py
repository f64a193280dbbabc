"""How ranges are observed: `update` with every activation of every sample, then `ranges`.

Observers stream: what they hold does not grow with the number of samples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from calibration.ranges import RangeDifference, Ranges, check_finite
from zoo.errors import unknown

Array = NDArray[Any]
Update = Callable[[str, Array], None]


class Observer(Protocol):
    """Watches tensors by name and decides their ranges."""

    name: str

    def update(self, tensor: str, values: Array) -> None:
        """Take one sample's values of a tensor, of any shape; nothing of `values` is kept or changed."""
        ...

    def ranges(self) -> Ranges:
        """Return the range of every tensor seen."""
        ...

    def merged(self, other: Self) -> Self:
        """Return the observer that has seen what both have seen."""
        ...


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


OBSERVERS: dict[str, Callable[[frozenset[str]], Any]] = {MinMaxObserver.name: MinMaxObserver}


def create(name: str, exact: frozenset[str] = frozenset()) -> Observer:
    """Return a new observer of that name.

    Args:
        name: min-max, percentile or mse.
        exact: tensors that are never clipped, whatever the observer: the network's inputs and outputs.

    Raises:
        UsageProblemError: no such observer; the message holds the nearest one.
    """
    if name not in OBSERVERS:
        raise unknown("observer", name, OBSERVERS)
    observer: Observer = OBSERVERS[name](exact)
    return observer


class SplitObserver:
    """Overall ranges and their stability in one pass: even samples go to one half, odd ones to the other."""

    def __init__(self, name: str, exact: frozenset[str] = frozenset()) -> None:
        """Watch with the observer of that name; see `create`."""
        self._halves = (create(name, exact), create(name, exact))

    def half(self, index: int) -> Update:
        """Return the `update(tensor, values)` to call for the sample of that index."""
        return self._halves[index % 2].update

    def ranges(self) -> Ranges:
        """Return the ranges over all samples: the same as one observer of everything would give."""
        even, odd = self._halves
        return even.merged(odd).ranges()

    def stability(self) -> RangeDifference | None:
        """Return how far the two halves' ranges differ; None if fewer than two samples were seen."""
        even, odd = (half.ranges() for half in self._halves)
        if not even.by_tensor or not odd.by_tensor:
            return None
        return even.difference(odd)
