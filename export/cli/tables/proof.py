"""The proof of a file of any maker in the terminal: what it is, a row for each check, and its faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from export.bundle.report.proof_words import about, conclusion, rows

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {"passed": "green", "FAILED": "bold red", "not made": "yellow"}


def print_proof(console: Console, found: Mapping[str, Any]) -> None:
    """Print the proof of a file."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    for line in about(found):
        console.print(line, soft_wrap=True)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("check", "of", "result", "measured"):
        table.add_column(heading, overflow="fold")
    for row in rows(found):
        table.add_row(row.check, row.subject, Text(row.result, style=_STYLES[row.result]), row.measured)
    console.print(table)
    for line in found["faults"]:
        console.print(f"fault: {line}", style="bold red", soft_wrap=True)
    for line in found["remarks"]:
        console.print(f"note: {line}", style="dim", soft_wrap=True)
    console.print(conclusion(found), soft_wrap=True)
