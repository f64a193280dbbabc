"""What tells one activation of a sample from another, whichever runtime computed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from calibration.samples import Array

# As a share of the largest number: float32 sums in another order differ by 1e-6.
ROOM = 1e-4


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """How many numbers an activation has, and what they are like."""

    count: int
    low: float
    high: float
    mean: float

    @classmethod
    def of(cls, values: Array) -> Self:
        """Return the fingerprint of the values of one sample."""
        mean = float(np.mean(values, dtype=np.float64))
        return cls(count=values.size, low=float(values.min()), high=float(values.max()), mean=mean)

    def is_like(self, other: Fingerprint) -> bool:
        """Whether both are of the same numbers, computed in another order."""
        room = ROOM * max(abs(self.low), abs(self.high))
        pairs = ((self.low, other.low), (self.high, other.high), (self.mean, other.mean))
        return self.count == other.count and all(abs(one - two) <= room for one, two in pairs)

    def record(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the fingerprint that `record()` described."""
        return cls(**record)
