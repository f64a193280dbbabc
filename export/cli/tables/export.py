"""The result table of an export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from export.analysis.tasks import Metric
from export.bundle.report.legend import legend
from export.bundle.report.rows import Row, headline, rows

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {"good": "green", "noted": "yellow", "failed": "bold red"}


def print_table(console: Console, manifest: Mapping[str, Any], *, title: str) -> None:
    """Print a row per file, then the legend."""
    print_rows(console, manifest, title=title)
    for line in legend(manifest):
        console.print(line, style="dim")


def print_rows(console: Console, manifest: Mapping[str, Any], *, title: str) -> None:
    """Print a row per file."""
    from rich.table import Table
    from rich.text import Text

    shown = rows(manifest)
    table = Table(title=title, title_justify="left", title_style="bold", box=_box(), pad_edge=False)
    metric = headline(manifest)
    for heading, justify in _columns(metric):
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=heading != "verdict")
    for row in shown:
        verdict = Text(row.verdict, style=_STYLES[row.state])
        if row.reason:
            verdict.append(f"  {row.reason}", style="default not bold")
        table.add_row(*_cells(row, metric), verdict)
    console.print(table)


def _box() -> Any:
    from rich import box

    return box.SIMPLE_HEAD


def _columns(metric: Metric | None) -> list[tuple[str, Any]]:
    score = [(metric.heading, "right")] if metric else []
    return [
        ("precision", "left"),
        ("format", "left"),
        ("size", "right"),
        ("ratio", "right"),
        ("SQNR dB", "right"),
        ("same top-1 %", "right"),
        *score,
        ("p50 ms", "right"),
        ("verdict", "left"),
    ]


def _cells(row: Row, metric: Metric | None) -> list[str]:
    score = [row.score or "-"] if metric else []
    return [row.scheme, row.format, row.size, row.ratio, row.sqnr, row.agreement, *score, row.time]
