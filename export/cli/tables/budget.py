"""Table of the candidate files of a budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from export.bundle.report.budget_words import cells, headings, is_met, lines, remark
from export.cli.console import print_sentence
from export.cli.tables.fitting import Column, number, print_fitting

if TYPE_CHECKING:
    from rich.console import Console

# The first is the limit that most budgets set: the last column is the accuracy lost, or the changed predictions.
RANKS = {"size": 1, "RAM": 1, "p50 ms": 3, "SQNR dB": 4, "% lost": 2, "% changed": 2}


def print_budget(console: Console, manifest: Mapping[str, Any]) -> None:
    """Print a row per candidate file, the smallest first, and the result; nothing without a budget."""
    if not manifest["budget"]:
        return
    met, points = is_met(manifest), manifest["budget"]["points"]
    columns = [
        Column(heading="precision", breaks=True, narrowest=len("int8, 12 layers")),
        *(number(heading, RANKS[heading]) for heading in headings(manifest)),
        Column(heading="choice", breaks=True, narrowest=len("balanced,")),
    ]
    rows = [(point["label"], *cells(point), remark(point, is_met=met)) for point in points]
    chosen = "bold green" if met else "bold red"
    styles = [chosen if point["chosen"] else None if point["on_front"] else "dim" for point in points]
    console.print()
    print_fitting(console, columns, rows, title="budget", styles=styles)
    console.print()
    for line in lines(manifest):
        print_sentence(console, line, style="dim")
