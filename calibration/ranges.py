"""What observation of activations ends in: a smallest and a largest value per tensor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo.errors import ZooError

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class RangeDifference:
    """How far two sets of ranges lie apart, as shares of the wider range: 0 is equal, 1 its whole width.

    Attributes:
        worst: the largest share over all tensors.
        worst_tensor: where.
        median: over all tensors.
        median_tensor: the tensor at the median (of two, the one that differs more).
        tensors: how many were compared.
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
        by_tensor: finite numbers, smallest first.
        observer: the name of the observer that decided them.

    Raises:
        ZooError: a range that is not finite or upside down; the message names the tensor.
    """

    by_tensor: Mapping[str, Range]
    observer: str

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
        """Return the ranges that `record()` described."""
        pairs = {name: (float(low), float(high)) for name, (low, high) in record["by_tensor"].items()}
        return cls(by_tensor=pairs, observer=record["observer"])

    def merge(self, other: Ranges) -> Ranges:
        """Return what one observation of both would span; exact for min-max, the safe side for others."""
        merged = dict(self.by_tensor)
        for name, (low, high) in other.by_tensor.items():
            mine = merged.get(name, (low, high))
            merged[name] = (min(mine[0], low), max(mine[1], high))
        return Ranges(by_tensor=merged, observer=self.observer)

    def difference(self, other: Ranges) -> RangeDifference:
        """Return how far the two lie apart: the stability number, if they saw disjoint halves of one source.

        Per tensor: the larger move of the two ends, divided by the width of the wider range.

        Raises:
            ZooError: the two did not observe the same tensors.
        """
        if self.by_tensor.keys() != other.by_tensor.keys() or not self.by_tensor:
            missing = ", ".join(sorted(self.by_tensor.keys() ^ other.by_tensor.keys())[:3]) or "none at all"
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
    """Refuse a NaN or an infinity in the tensor of that name."""
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
