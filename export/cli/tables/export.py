"""The result table of an export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from export.analysis.tasks import Metric
from export.bundle.report.legend import legend
from export.bundle.report.rows import Row, headline, rows
from export.cli.console import print_sentence
from export.cli.tables.fitting import Column, number, print_fitting

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

WIDE = 110  # from this width on, reasons fit beside the verdict; below, they are printed under the table

_STYLES = {"good": "green", "noted": "yellow", "failed": "bold red"}


def print_table(console: Console, manifest: Mapping[str, Any], *, title: str) -> None:
    """Print a row per file, then the legend."""
    print_rows(console, manifest, title=title)
    for line in legend(manifest):
        print_sentence(console, line, style="dim")


def print_rows(console: Console, manifest: Mapping[str, Any], *, title: str) -> None:
    """Print a row per file; a narrow terminal gets fewer columns, and the reasons below the table."""
    shown, metric, is_wide = rows(manifest), headline(manifest), console.width >= WIDE
    cells = [[*_cells(row, metric), _verdict(row, with_reason=is_wide)] for row in shown]
    print_fitting(console, _columns(metric, is_wide=is_wide), cells, title=title)
    console.print()
    reasons = [f"{row.scheme} {row.format}: {row.reason}" for row in shown if row.reason and not is_wide]
    for reason in reasons:
        print_sentence(console, reason)
    if reasons:
        console.print()


def _columns(metric: Metric | None, *, is_wide: bool) -> list[Column]:
    score = [number(metric.heading, rank=2)] if metric else []
    return [
        Column(heading="precision", breaks=True, narrowest=len("int8, 1 layer")),
        Column(heading="format"),
        number("size", rank=1),
        number("of float32", rank=5),
        number("SQNR dB", rank=1),
        number("same top-1 %", rank=3),
        *score,
        number("p50 ms", rank=4),
        # Without a reason, it is a word or two: a verdict is never broken.
        Column(heading="verdict", breaks=is_wide, narrowest=len("proven  for comparison, not written")),
    ]


def _cells(row: Row, metric: Metric | None) -> list[str | Text]:
    score: list[str | Text] = [row.score or "-"] if metric else []
    return [row.scheme, row.format, row.size, row.ratio, row.sqnr, row.agreement, *score, row.time]


def _verdict(row: Row, *, with_reason: bool) -> Text:
    from rich.text import Text

    reason = (f"  {row.reason}", "default not bold") if row.reason and with_reason else ""
    return Text.assemble((row.verdict, _STYLES[row.state]), reason)
