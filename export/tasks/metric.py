"""A number that says how good a model is at its task, as manifests and tables show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One quantity; more is better.

    Attributes:
        key: in manifests: "top1".
        title: in tables, without the unit: "top-1".
        unit: "%" for a share of 1, which is shown in percent.
    """

    key: str
    title: str
    unit: Literal["%", "dB", "nats"]

    @property
    def heading(self) -> str:
        """`top-1 %`."""
        return f"{self.title} {self.unit}"

    def words(self, value: float) -> str:
        """Return `value` in the unit, without it: "83.8"."""
        return f"{100 * value:.1f}" if self.unit == "%" else f"{value:.1f}"

    def lost(self, reference: float, actual: float) -> float:
        """Return how much less `actual` is: in points of 1 for shares, otherwise as a share of the reference."""
        return reference - actual if self.unit == "%" else (reference - actual) / abs(reference)
