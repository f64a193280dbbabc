"""The result of a check: what was measured, its threshold, and whether it passed; or why it was not made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from export.proof.tolerances import ErrorTolerance


class Direction(StrEnum):
    """The side of the threshold on which a value passes."""

    AT_LEAST = "at least"
    AT_MOST = "at most"


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """One check of one output of one file.

    Attributes:
        id: of the check, one word; docs/proof.md lists them.
        subject: name of the output, or what else was checked.
        quantity: what was measured.
        unit: of value and threshold; empty for a fraction or a count.
        value: the measured value; None if it could not be measured.
        threshold: the limit of the value; None for a check without a number.
        direction: the side of the threshold on which the value passes; None without a threshold.
        passed: whether the check passed.
        reason: why this threshold was chosen, or why the check failed.
    """

    id: str
    subject: str
    quantity: str
    unit: str = ""
    value: float | None
    threshold: float | None
    direction: Direction | None
    passed: bool
    reason: str

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.id} of {self.subject}: {self.reason}"
        return f"{self.id} of {self.subject}: {in_words(self.record(), digits=4)}"

    def record(self) -> dict[str, Any]:
        """Return plain data for a manifest."""
        return asdict(self)

    @classmethod
    def at_least(
        cls, threshold: float, value: float, *, id: str, subject: str, quantity: str, unit: str = "", reason: str
    ) -> Self:
        """Return the result of a check whose value must be at least the threshold."""
        return cls(
            id=id,
            subject=subject,
            quantity=quantity,
            unit=unit,
            value=value,
            threshold=threshold,
            direction=Direction.AT_LEAST,
            passed=value >= threshold,
            reason=reason,
        )

    @classmethod
    def at_most(
        cls, tolerance: ErrorTolerance, value: float, *, id: str, subject: str, quantity: str, unit: str = ""
    ) -> Self:
        """Return the result of a check whose value must be at most the threshold."""
        return cls(
            id=id,
            subject=subject,
            quantity=quantity,
            unit=unit,
            value=value,
            threshold=tolerance.largest,
            direction=Direction.AT_MOST,
            passed=value <= tolerance.largest,
            reason=tolerance.reason,
        )

    @classmethod
    def stated(cls, id: str, subject: str, reason: str, *, passed: bool) -> Self:
        """Return the result of a check without a number, or of one whose value could not be measured."""
        return cls(
            id=id,
            subject=subject,
            quantity="",
            value=None,
            threshold=None,
            direction=None,
            passed=passed,
            reason=reason,
        )


Results = tuple[CheckResult, ...]


def failed(id: str, subject: str, reason: str) -> Results:
    """Return a failed check without a number."""
    return (CheckResult.stated(id, subject, reason, passed=False),)


@dataclass(frozen=True)
class NotMade:
    """Why a check was not made for a file.

    Attributes:
        reason: why it does not apply to the file, or which evidence is missing.
        is_missing: whether it applies to the file, so that its evidence is missing.
    """

    reason: str
    is_missing: bool = False

    def record(self) -> dict[str, Any]:
        """Return plain data for a manifest."""
        return {"reason": self.reason, "missing": self.is_missing}


def in_words(record: Mapping[str, Any], *, digits: int = 3) -> str:
    """Return the record of a result as text: "SQNR 7.1 dB; at least 8 dB is required"."""
    unit = f" {record['unit']}" if record["unit"] else ""
    measured = f"{record['quantity']} {record['value']:.{digits}g}{unit}"
    if record["threshold"] is None:
        return measured
    return f"{measured}; {record['direction']} {record['threshold']:g}{unit} is required"
