"""`zoo list`: list the architectures of the registry."""

from __future__ import annotations

from typing import Any

import click

from export.cli.console import print_json, standard_output
from export.units import count_in_words
from zoo import proofs
from zoo.architecture import Architecture, find, names
from zoo.inputs import preprocessing_of

# COLUMNS is the order in the table. A narrow terminal drops the last columns of IMPORTANCE; `zoo show` has them all.
COLUMNS = ("name", "title", "family", "task", "parameters", "input", "weights", "proof")
IMPORTANCE = ("name", "proof", "parameters", "input", "weights", "task", "family", "title")
GAP = 3  # characters between two columns


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(as_json: bool) -> None:
    """List the architectures that are ready to export."""
    records = [_record(find(name)) for name in names()]
    if as_json:
        print_json(records)
        return
    _print_table(records)


def _record(architecture: Architecture) -> dict[str, Any]:
    preprocessing = preprocessing_of(architecture.inputs(**architecture.settings({})))
    return {
        "name": architecture.name,
        "title": architecture.title,
        "family": architecture.family,
        "task": architecture.task,
        "parameters": architecture.parameter_count,
        "input": list(preprocessing.shape) if preprocessing else [],
        "classes": architecture.classes,
        "weights": [weights.tag for weights in architecture.weights],
        "proof": proofs.words(architecture.name),
    }


def _print_table(records: list[dict[str, Any]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    console = standard_output()
    cells = {key: [_cell(key, record[key]) for record in records] for key in COLUMNS}
    shown = _fitting(cells, console.width)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for key in shown:
        table.add_column(
            "network" if key == "title" else key,
            style="bold cyan" if key == "name" else None,
            justify="right" if key in ("parameters", "input") else "left",
            no_wrap=key != "name",
            overflow="fold",  # A truncated name could be mistaken for another one.
        )
    for row in zip(*(cells[key] for key in shown), strict=True):
        table.add_row(*row)
    console.print(table)
    console.print()
    if "proof" in shown:
        console.print(
            "proof: int8 compared with Keras in the last sweep (docs/zoo.md); "
            "tiny: proven on the tiny trained variant of the family",
            style="dim",
        )
    console.print("next: zoo show mobilenet", style="dim")


def _cell(key: str, value: Any) -> str:
    if key == "parameters":
        return count_in_words(value)
    if key == "input":
        return "x".join(str(side) for side in value)
    return ", ".join(value) or "-" if key == "weights" else str(value)


def _fitting(cells: dict[str, list[str]], width: int) -> list[str]:
    """Return the columns that fit the terminal untruncated, the most important first; always include the name."""
    chosen, used = set(), -GAP
    for key in IMPORTANCE:
        needed = GAP + max(len(words) for words in (key, *cells[key]))
        if key == "name" or used + needed <= width:
            chosen.add(key)
            used += needed
    return [key for key in COLUMNS if key in chosen]
