"""Features as an input: numbers that a front end computes, such as the spectrum of a sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from zoo.inputs.vector import Vector

if TYPE_CHECKING:
    import numpy as np

    from zoo.inputs.contract import Array


@dataclass(frozen=True, kw_only=True)
class Features:
    """Numbers with a known meaning, and built-in samples of them.

    Attributes:
        words: what they are: "10 MFCCs of 49 windows".
        samples: stem of the built-in samples, a file of `calibration/features`.
        low: the least number that is usual.
        high: the greatest one.
    """

    kind: ClassVar[str] = "features"
    is_given: ClassVar[bool] = True

    words: str
    samples: str
    low: float
    high: float

    def describe(self) -> str:
        """Return what the numbers are."""
        return self.words

    def record(self) -> dict[str, Any]:
        """Return what they are, and their range."""
        return {"words": self.words, "samples": self.samples, "low": self.low, "high": self.high}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the contract of a record."""
        words, samples = str(record["words"]), str(record["samples"])
        return cls(words=words, samples=samples, low=float(record["low"]), high=float(record["high"]))

    def parse(self, text: str) -> Array:
        """Return the numbers of "0.5 1 -2"."""
        return Vector().parse(text)

    def random(self, generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
        """Return uniform numbers of the usual range."""
        return generator.uniform(self.low, self.high, shape).astype(dtype)
