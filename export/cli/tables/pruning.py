"""Table of the effect of pruning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from export.bundle.report.pruning_words import HEADINGS, TITLE, lines, rows
from export.cli.console import print_sentence
from export.cli.tables.fitting import Column, number, print_fitting

if TYPE_CHECKING:
    from rich.console import Console

RANKS = (1, 1, 2, 3, 4)  # of the columns behind the file


def print_pruning(console: Console, manifest: Mapping[str, Any]) -> None:
    """Print a row per file, compared with the original model; nothing without an original."""
    if not manifest.get("pruning"):
        return
    file, *others = HEADINGS
    columns = [
        Column(heading=file, breaks=True, narrowest=20),
        *(number(heading, rank) for heading, rank in zip(others, RANKS, strict=True)),
    ]
    console.print()
    print_fitting(console, columns, list(rows(manifest)), title=TITLE)
    console.print()
    for line in lines(manifest):
        print_sentence(console, line, style="dim")
