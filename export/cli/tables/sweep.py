"""The tables of a sweep: its jobs before it runs, and its files afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from export.cli.console import print_sentence
from export.cli.tables.export import STYLES
from export.cli.tables.fitting import Column, number, print_fitting
from export.sweep.job import Job

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

MOST_ROWS = 60  # More are on the page; then only what failed and what is on a front is printed.
JOB = Column(heading="job", breaks=True, narrowest=10, style="bold cyan")


def print_jobs(console: Console, jobs: Sequence[Job], stored: Sequence[bool]) -> None:
    """Print a row for every job, and whether its result is in the store."""
    columns = (
        JOB,
        Column(heading="precision", breaks=True),
        Column(heading="device", breaks=True, rank=2),
        Column(heading="state"),
    )
    rows = [
        [
            job.name,
            ", ".join(map(str, job.recipe.schemes)) if not job.recipe.budget.chooses_precision else "by budget",
            ", ".join(job.devices) or "-",
            "in the store" if known else "to do",
        ]
        for job, known in zip(jobs, stored, strict=True)
    ]
    print_fitting(console, columns, rows)
    console.print()


def print_results(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a row for every file, and the reasons of what failed."""
    headings = list(dict.fromkeys(row["metric_heading"] for row in rows if row["score"] is not None))
    metric = headings[0] if len(headings) == 1 else ""
    shown = [row for row in rows if len(rows) <= MOST_ROWS or row["on_front"] or row["state"] == "failed"]
    print_fitting(console, _columns(metric), [_cells(row, metric) for row in shown])
    console.print()
    if len(shown) < len(rows):
        print_sentence(console, f"{len(rows) - len(shown)} files that others beat are not shown here", style="dim")
    for line in dict.fromkeys(_reasons(shown)):
        print_sentence(console, line)


def _columns(metric: str) -> list[Column]:
    return [
        JOB,
        Column(heading="precision", breaks=True, rank=3),
        Column(heading="format"),
        number("size", rank=1),
        number("SQNR dB", rank=2),
        number("same top-1 %", rank=5),
        *([number(metric, rank=1)] if metric else []),
        number("p50 ms", rank=2),
        Column(heading="front", rank=1),
        Column(heading="verdict"),
    ]


def _cells(row: Mapping[str, Any], metric: str) -> list[str | Text]:
    from rich.text import Text

    words = row.get("words") or {}
    names = ("scheme", "format", "size", "sqnr", "agreement", *(["score"] if metric else []), "time")
    return [
        row["job"],
        *(words.get(name) or "-" for name in names),
        "yes" if row["on_front"] else "",
        Text(row["verdict"], style=STYLES[row["state"]]),
    ]


def _reasons(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return why jobs and files failed."""
    lines = []
    for row in rows:
        if row["error"]:
            lines.append(f"{row['job']}: {row['error']}")
        if row["file"] and row["state"] == "failed":
            lines.append(f"{row['job']}, {row['file']}: {row['reason']}")
    return lines
