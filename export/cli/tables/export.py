"""The result table of an export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from export.analysis.tasks import Metric
from export.bundle.report.legend import legend
from export.bundle.report.rows import Row, headline, rows

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 110  # from this width on, reasons fit beside the verdict; below, they are printed under the table
DROPPED = ((100, ("ratio",)), (72, ("same top-1 %", "p50 ms")))  # columns that do not fit below a width

_STYLES = {"good": "green", "noted": "yellow", "failed": "bold red"}


def print_table(console: Console, manifest: Mapping[str, Any], *, title: str) -> None:
    """Print a row per file, then the legend."""
    print_rows(console, manifest, title=title)
    for line in legend(manifest):
        console.print(line, style="dim")


def print_rows(console: Console, manifest: Mapping[str, Any], *, title: str) -> None:
    """Print a row per file; a narrow terminal gets fewer columns, and the reasons below the table."""
    from rich.table import Table
    from rich.text import Text

    shown, metric, is_wide = rows(manifest), headline(manifest), console.width >= WIDE
    dropped = [heading for width, headings in DROPPED if console.width < width for heading in headings]
    columns = [(heading, justify) for heading, justify in _columns(metric) if heading not in dropped]
    table = Table(title=title, title_justify="left", title_style="bold", box=_box(), pad_edge=False)
    for heading, justify in columns:
        wraps = heading == "precision" or (heading == "verdict" and is_wide)
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=not wraps, min_width=_width(heading))
    for row in shown:
        verdict = Text(row.verdict, style=_STYLES[row.state])
        if row.reason and is_wide:
            verdict.append(f"  {row.reason}", style="default not bold")
        headings = [heading for heading, _ in _columns(metric)]
        cells: dict[str, str | Text] = dict(zip(headings, (*_cells(row, metric), verdict), strict=True))
        table.add_row(*(cells[heading] for heading, _ in columns))
    console.print(table)
    reasons = [f"{row.scheme} {row.format}: {row.reason}" for row in shown if row.reason and not is_wide]
    console.print(*reasons, sep="\n", end="\n\n" if reasons else "")


def _width(heading: str) -> int:
    return len("int8, 1 layer") if heading == "precision" else len("proven")


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
