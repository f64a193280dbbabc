"""Fingerprints that recognise the same activation in two runtimes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from calibration.samples import Array

# Relative to the largest magnitude; float32 sums in another order differ by about 1e-6.
TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """Size, range and mean of one activation."""

    count: int
    low: float
    high: float
    mean: float

    @classmethod
    def of(cls, values: Array) -> Self:
        """Return the fingerprint of an activation's values on one sample."""
        mean = float(np.mean(values, dtype=np.float64))
        return cls(count=values.size, low=float(values.min()), high=float(values.max()), mean=mean)

    def is_like(self, other: Fingerprint) -> bool:
        """Return whether both describe the same activation, up to float32 rounding."""
        tolerance = TOLERANCE * max(abs(self.low), abs(self.high))
        pairs = ((self.low, other.low), (self.high, other.high), (self.mean, other.mean))
        return self.count == other.count and all(abs(one - two) <= tolerance for one, two in pairs)

    def record(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the fingerprint that `record()` serialised."""
        return cls(**record)
