"""Observed ranges: the smallest and the largest value of each tensor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo.errors import ZooError

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class RangeDifference:
    """Difference between two sets of ranges, relative to the width of the wider range: 0 if they are equal.

    Attributes:
        worst: largest relative difference over all tensors.
        worst_tensor: name of the tensor with that difference.
        median: median relative difference over all tensors.
        median_tensor: name of the tensor at the median (of two, the one with the larger difference).
        tensors: number of compared tensors.
    """

    worst: float
    worst_tensor: str
    median: float
    median_tensor: str
    tensors: int

    def record(self) -> dict[str, Any]:
        """Return plain data for a manifest."""
        return {
            "worst": self.worst,
            "worst_tensor": self.worst_tensor,
            "median": self.median,
            "median_tensor": self.median_tensor,
            "tensors": self.tensors,
        }


@dataclass(frozen=True, kw_only=True)
class Ranges:
    """The (smallest, largest) value to represent, by tensor name.

    Attributes:
        by_tensor: finite (low, high) pairs.
        observer: name of the observer that chose them.
        headroom: by tensor name, what 8 bits should add to the ends for samples that were not observed.

    Raises:
        ZooError: a range is not finite or has low > high; the message names the tensor.
    """

    by_tensor: Mapping[str, Range]
    observer: str
    headroom: Mapping[str, Range] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, (low, high) in self.by_tensor.items():
            check_finite(name, low, high)
            if low > high:
                raise ZooError(f"tensor {name!r} has the impossible range {low:g} .. {high:g}")

    def record(self) -> dict[str, Any]:
        """Return plain data for a manifest."""
        return {"observer": self.observer, "by_tensor": {name: list(r) for name, r in self.by_tensor.items()}}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Ranges:
        """Return the ranges that `record()` serialised."""
        pairs = {name: (float(low), float(high)) for name, (low, high) in record["by_tensor"].items()}
        return cls(by_tensor=pairs, observer=record["observer"])

    def merge(self, other: Ranges) -> Ranges:
        """Return the union of the ranges: exact for min-max, never too narrow for other observers."""
        merged = dict(self.by_tensor)
        for name, (low, high) in other.by_tensor.items():
            mine = merged.get(name, (low, high))
            merged[name] = (min(mine[0], low), max(mine[1], high))
        return Ranges(by_tensor=merged, observer=self.observer)

    def difference(self, other: Ranges) -> RangeDifference:
        """Return the difference to `other`; for disjoint halves of one source it measures stability.

        Per tensor it is the larger displacement of the two ends, divided by the width of the wider range.

        Raises:
            ZooError: the two hold different tensors.
        """
        if self.by_tensor.keys() != other.by_tensor.keys() or not self.by_tensor:
            missing = ", ".join(sorted(self.by_tensor.keys() ^ other.by_tensor.keys())[:3]) or "both are empty"
            raise ZooError(f"two sets of ranges hold different tensors ({missing}), so they cannot be compared")
        shares = sorted((_share(mine, other.by_tensor[name]), name) for name, mine in self.by_tensor.items())
        worst, median = shares[-1], shares[len(shares) // 2]
        return RangeDifference(
            worst=worst[0],
            worst_tensor=worst[1],
            median=median[0],
            median_tensor=median[1],
            tensors=len(shares),
        )


def check_finite(name: str, low: float, high: float) -> None:
    """Check that both ends of a tensor's range are finite.

    Raises:
        ZooError: an end is NaN or infinite; the message names the tensor.
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ZooError(
            f"tensor {name!r} takes values that are not finite ({low:g} .. {high:g}) on the calibration "
            "data; look for NaN or infinity in the model's weights or in the data"
        )


def _share(one: Range, two: Range) -> float:
    width = max(one[1] - one[0], two[1] - two[0])
    move = max(abs(one[0] - two[0]), abs(one[1] - two[1]))
    if width > 0:
        return move / width
    return 0.0 if move == 0 else math.inf
