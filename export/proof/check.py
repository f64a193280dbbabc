"""A check: one question, its bar, and whether the answer reaches it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from export.proof.tolerances import ErrorTolerance


@dataclass(frozen=True, kw_only=True)
class Check:
    """One question asked of one output of one file.

    Attributes:
        question: one word; docs/proof.md lists them.
        output: the output's name, or what else was looked at.
        quantity: what was measured, with its unit.
        value: as measured; None if it could not be.
        bar: what it must reach; None if it is only told.
        passed: whether it did.
        reason: why the bar is there, or why it failed.
    """

    question: str
    output: str
    quantity: str
    value: float | None
    bar: float | None
    passed: bool
    reason: str

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.question} of {self.output}: {self.reason}"
        return f"{self.question} of {self.output}: {self.quantity} {self.value:.4g}, must be {self.bar:g}"

    def record(self) -> dict[str, Any]:
        """Return plain data for a manifest."""
        return asdict(self)

    @classmethod
    def at_least(cls, bar: float, value: float, *, question: str, output: str, quantity: str, reason: str) -> Self:
        """Return a check of a likeness: the value must reach the bar."""
        return cls(
            question=question,
            output=output,
            quantity=quantity,
            value=value,
            bar=bar,
            passed=value >= bar,
            reason=reason,
        )

    @classmethod
    def at_most(cls, bar: ErrorTolerance, value: float, *, question: str, output: str, quantity: str) -> Self:
        """Return a check of an error: the value must not pass the bar."""
        return cls(
            question=question,
            output=output,
            quantity=quantity,
            value=value,
            bar=bar.largest,
            passed=value <= bar.largest,
            reason=bar.reason,
        )

    @classmethod
    def stated(cls, question: str, output: str, reason: str, *, passed: bool) -> Self:
        """Return a check without a number: something is as it must be, or is not, or could not be measured."""
        return cls(question=question, output=output, quantity="", value=None, bar=None, passed=passed, reason=reason)
