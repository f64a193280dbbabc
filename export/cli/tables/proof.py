"""The proof of a file of any maker in the terminal: what it is, a row for each check, and its faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from export.bundle.report.proof_words import about, conclusion, rows
from export.cli.console import print_sentence
from export.cli.tables.fitting import Column, print_fitting

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {"passed": "green", "failed": "bold red", "not made": "yellow"}
COLUMNS = (
    Column(heading="check", breaks=True, narrowest=len("arithmetic")),
    Column(heading="of", breaks=True, narrowest=12),
    Column(heading="result"),
    Column(heading="measured", breaks=True, narrowest=20),
)


def print_proof(console: Console, found: Mapping[str, Any]) -> None:
    """Print the proof of a file."""
    from rich.text import Text

    for line in about(found):
        print_sentence(console, line)
    shown = [(row.check, row.subject, Text(row.result, style=_STYLES[row.result]), row.measured) for row in rows(found)]
    console.print()
    print_fitting(console, COLUMNS, shown)
    console.print()
    for line in found["faults"]:
        print_sentence(console, f"fault: {line}", style="bold red")
    for line in found["remarks"]:
        print_sentence(console, f"note: {line}", style="dim")
    print_sentence(console, conclusion(found))
