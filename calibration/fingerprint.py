"""Fingerprints that recognise the same activation in two runtimes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from calibration.samples import Array

PICKS = 64


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What one activation on one sample looks like, whatever its shape.

    Attributes:
        count: number of values.
        low: the smallest value.
        high: the largest value.
        mean: the mean of all values.
        picks: values at random positions, which depend on `count` only.
    """

    count: int
    low: float
    high: float
    mean: float
    picks: tuple[float, ...]

    @classmethod
    def of(cls, values: Array) -> Self:
        """Return the fingerprint of an activation's values on one sample, which are at least one."""
        flat = np.ravel(values)
        return cls(
            count=flat.size,
            low=float(flat.min()),
            high=float(flat.max()),
            mean=float(np.mean(flat, dtype=np.float64)),
            picks=tuple(flat[_positions(flat.size)].tolist()),
        )

    def distance(self, other: Fingerprint) -> float:
        """Return the largest difference relative to the largest magnitude; infinite if the numbers of values differ."""
        if self.count != other.count:
            return math.inf
        pairs = ((self.low, other.low), (self.high, other.high), (self.mean, other.mean))
        difference = max(abs(one - two) for one, two in (*pairs, *zip(self.picks, other.picks, strict=True)))
        largest = max(abs(self.low), abs(self.high))
        if math.isnan(difference):
            return math.inf
        return difference / largest if largest > 0 else (math.inf if difference > 0 else 0.0)

    def record(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the fingerprint that `record()` serialised."""
        return cls(**{**record, "picks": tuple(record["picks"])})


@lru_cache(maxsize=4096)
def _positions(count: int) -> NDArray[np.int64]:
    """Return random positions: regular ones might all lie in one channel."""
    return np.random.default_rng(count).integers(0, count, PICKS)
