"""Table of the effect of pruning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from export.bundle.report.pruning_words import HEADINGS, TITLE, lines, rows

if TYPE_CHECKING:
    from rich.console import Console


def print_pruning(console: Console, manifest: Mapping[str, Any]) -> None:
    """Print a row per file, compared with the original model; nothing without an original."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    if not manifest.get("pruning"):
        return
    table = Table(title=TITLE, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading == "file" else "right")
    for row in rows(manifest):
        table.add_row(*row)
    console.print(table)
    for line in lines(manifest):
        console.print(line, style="dim", soft_wrap=True)
