"""Range observers: call `update` with every activation of every sample, then `ranges`.

Observers are streaming: their memory does not grow with the number of samples.
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
    """Observes tensors by name and chooses their ranges."""

    name: str

    def update(self, tensor: str, values: Array) -> None:
        """Observe one sample's values of a tensor, of any shape; `values` is neither kept nor changed."""
        ...

    def ranges(self) -> Ranges:
        """Return the range of every observed tensor."""
        ...

    def merged(self, other: Self) -> Self:
        """Return an observer of the combined observations."""
        ...


OBSERVERS: dict[str, Callable[[frozenset[str]], Any]] = {
    observer.name: observer for observer in (MinMaxObserver, PercentileObserver, MseObserver)
}

# Ranges chosen tensor by tensor from the error that clipping causes in the network's outputs:
# export/quantization/sensitivity.py.
SENSITIVITY = "sensitivity"


def check(name: str) -> None:
    """Check that `name` is an observer or `SENSITIVITY`.

    Raises:
        UsageProblemError: it is neither; the message suggests the closest name.
    """
    if name != SENSITIVITY and name not in OBSERVERS:
        raise unknown("observer", name, [SENSITIVITY, *OBSERVERS])


def find(name: str) -> Callable[[frozenset[str]], Any]:
    """Return the observer class of that name.

    Raises:
        UsageProblemError: there is no such observer; the message suggests the closest name.
    """
    if name not in OBSERVERS:
        raise unknown("observer", name, OBSERVERS)
    return OBSERVERS[name]


def create(name: str, exact: frozenset[str] = frozenset()) -> Observer:
    """Return a new observer of that name.

    Args:
        name: min-max, percentile or mse.
        exact: tensors that no observer clips: the network's inputs and outputs.

    Raises:
        UsageProblemError: there is no such observer; the message suggests the closest name.
    """
    observer: Observer = find(name)(exact)
    return observer


class SplitObserver:
    """Observes even and odd samples separately, to report the ranges and their stability after one pass."""

    def __init__(self, name: str, exact: frozenset[str] = frozenset()) -> None:
        """Create both observers by name; see `create`."""
        self._halves = (create(name, exact), create(name, exact))

    def half(self, index: int) -> Update:
        """Return the `update` method for the sample of that index."""
        return self._halves[index % 2].update

    def ranges(self) -> Ranges:
        """Return the ranges over all samples, equal to those of one observer of all samples."""
        even, odd = self._halves
        return even.merged(odd).ranges()

    def stability(self) -> RangeDifference | None:
        """Return the difference between the ranges of both halves; None after fewer than two samples."""
        even, odd = (half.ranges() for half in self._halves)
        if not even.by_tensor or not odd.by_tensor:
            return None
        return even.difference(odd)
