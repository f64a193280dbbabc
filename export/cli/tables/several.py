"""The table of an export of several models: every file of every model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from export.bundle.report.rows import rows
from export.cli.tables.export import STYLES
from export.cli.tables.fitting import Column, number, print_fitting

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

COLUMNS = (
    Column(heading="name", breaks=True, narrowest=10, style="bold cyan"),
    Column(heading="precision", breaks=True),
    Column(heading="format"),
    number("size", rank=1),
    number("of float32", rank=5),
    number("SQNR dB", rank=2),
    number("same top-1 %", rank=3),
    number("p50 ms", rank=4),
    Column(heading="verdict"),
)


def print_several(console: Console, models: Sequence[tuple[str, Mapping[str, Any] | None]]) -> None:
    """Print a row per file, and one for a model without files (None), whose export failed."""
    from rich.text import Text

    cells: list[list[str | Text]] = []
    for model, manifest in models:
        if manifest is None:
            cells.append([model, "-", "-", "-", "-", "-", "-", "-", Text("failed", style=STYLES["failed"])])
            continue
        cells += [
            [
                manifest["name"],
                *(row.scheme, row.format, row.size, row.ratio, row.sqnr, row.agreement, row.time),
                Text(row.verdict, style=STYLES[row.state]),
            ]
            for row in rows(manifest)
        ]
    print_fitting(console, COLUMNS, cells)
    console.print()
