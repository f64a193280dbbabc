"""The section of report.html about one file: checks, comparison with the Keras model, and operators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from export.bundle.report.parts import Column, Table
from export.proof.check import in_words

ARITHMETIC = {"integer": "integers", "float": "float", "none": "moves data only"}
COMPARED = (
    *("samples", "SQNR dB", "on 64 others", "largest error", "values: model, file"),
    *("same top-1 %", "on others %", "in top-5 %"),
)


@dataclass(frozen=True)
class Check:
    """A check: whether it passed, its subject, and the measured value."""

    passed: bool
    id: str
    subject: str
    measured: str


@dataclass(frozen=True)
class Operator:
    """An operator as executed; `share` is its count relative to the most frequent operator, in percent."""

    name: str
    arithmetic: str  # a key of ARITHMETIC
    count: int
    share: float


def checks(file: Mapping[str, Any]) -> Iterator[tuple[list[Check], str]]:
    """Yield groups of consecutive checks with the same reason for their threshold, and that reason."""
    for reason, group in groupby(file["checks"], key=lambda check: str(check["reason"])):
        yield [_check(check) for check in group], reason


def comparisons(file: Mapping[str, Any]) -> Table:
    """Return a table that compares each output with the Keras model's."""
    columns = [Column("output", "code"), *(Column(heading, "number") for heading in COMPARED)]
    rows = [
        [
            name,
            str(one["sample_count"]),
            f"{one['sqnr_db']:.1f}",
            _interval(one.get("sqnr_interval_db")),
            f"{one['max_abs_error']:.3g}",
            ", ".join(f"{value:.5g}" for value in one["worst"]),
            _percent(one["top1_agreement"]),
            _interval(one.get("top1_interval"), 100),
            _percent(one["top5_agreement"]),
        ]
        for name, one in file["comparisons"].items()
    ]
    return Table(columns, rows)


def operators(file: Mapping[str, Any]) -> list[Operator]:
    """Return the operators that the runtime executes: computing operators first, then by frequency."""
    census: Sequence[Mapping[str, Any]] = file["census"]
    largest = max((op["count"] for op in census), default=1)
    ordered = sorted(census, key=lambda op: (op["arithmetic"] == "none", -op["count"]))
    return [Operator(op["op"], _arithmetic(op), op["count"], 100 * op["count"] / largest) for op in ordered]


def _check(record: Mapping[str, Any]) -> Check:
    measured = in_words(record, digits=4) if record["value"] is not None else ""
    return Check(record["passed"], record["id"], record["subject"], measured)


def _arithmetic(op: Mapping[str, Any]) -> str:
    kinds = {"integer": "integer", "int16": "integer", "float": "float"}
    return kinds.get(op["arithmetic"], "none")


def _interval(limits: Sequence[float] | None, times: float = 1) -> str:
    """Return where a quantity of other samples lies: "21 to 26"; earlier manifests do not say so."""
    return "-" if limits is None else f"{times * limits[0]:.0f} to {times * limits[1]:.0f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"
