"""Table of the candidate files of a budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from export.bundle.report.budget_words import cells, headings, is_met, lines, remark

if TYPE_CHECKING:
    from rich.console import Console


def print_budget(console: Console, manifest: Mapping[str, Any]) -> None:
    """Print a row per candidate file, the smallest first, and the result; nothing without a budget."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    if not manifest["budget"]:
        return
    met = is_met(manifest)
    table = Table(title="budget", title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("file")
    for heading in headings(manifest):
        table.add_column(heading, justify="right")
    table.add_column("")
    for point in manifest["budget"]["points"]:
        style = ("bold green" if met else "bold red") if point["chosen"] else None if point["on_front"] else "dim"
        table.add_row(point["label"], *cells(point), remark(point, is_met=met), style=style)
    console.print(table)
    for line in lines(manifest):
        console.print(line, style="dim")
