"""How ranges are observed: `update` with every activation of every sample, then `ranges`.

Observers stream: what they hold does not grow with the number of samples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, Self

from calibration.histogram_observers import MseObserver, PercentileObserver
from calibration.min_max_observer import MinMaxObserver
from calibration.ranges import RangeDifference, Ranges
from calibration.samples import Array
from zoo.errors import unknown

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


OBSERVERS: dict[str, Callable[[frozenset[str]], Any]] = {
    observer.name: observer for observer in (MinMaxObserver, PercentileObserver, MseObserver)
}

# Not observed but chosen, tensor by tensor, by what clipping would cost the network's outputs: see
# export/quantization/sensitivity.py.
SENSITIVITY = "sensitivity"


def check(name: str) -> None:
    """Refuse a name that is neither an observer's nor `SENSITIVITY`.

    Raises:
        UsageProblemError: see above; the message holds the nearest one.
    """
    if name != SENSITIVITY and name not in OBSERVERS:
        raise unknown("observer", name, [SENSITIVITY, *OBSERVERS])


def find(name: str) -> Callable[[frozenset[str]], Any]:
    """Return the class of the observers of that name.

    Raises:
        UsageProblemError: no such observer; the message holds the nearest one.
    """
    if name not in OBSERVERS:
        raise unknown("observer", name, OBSERVERS)
    return OBSERVERS[name]


def create(name: str, exact: frozenset[str] = frozenset()) -> Observer:
    """Return a new observer of that name.

    Args:
        name: min-max, percentile or mse.
        exact: tensors that are never clipped, whatever the observer: the network's inputs and outputs.

    Raises:
        UsageProblemError: no such observer; the message holds the nearest one.
    """
    observer: Observer = find(name)(exact)
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
