"""`zoo list`: list the architectures of the registry."""

from __future__ import annotations

from typing import Any

import click

from export.cli.console import print_command, print_json, print_sentence, standard_output
from export.cli.tables.fitting import Column, number, print_fitting
from export.units import count_in_words
from zoo import proofs
from zoo.architecture import Architecture, find, names
from zoo.inputs import preprocessing_of

KEYS = ("name", "title", "family", "task", "parameters", "input", "weights", "proof")
# A narrow terminal drops the columns of high rank; `zoo show` has them all.
COLUMNS = (
    Column(heading="name", breaks=True, narrowest=24, style="bold cyan"),
    Column(heading="network", rank=7),
    Column(heading="family", rank=6),
    Column(heading="task", rank=5),
    number("parameters", rank=2),
    number("input", rank=3),
    Column(heading="weights", rank=4),
    Column(heading="proof", rank=1),
)


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
    console = standard_output()
    print_fitting(console, COLUMNS, [[_cell(key, record[key]) for key in KEYS] for record in records])
    console.print()
    print_sentence(
        console,
        "proof: int8 compared with Keras in the last sweep (docs/zoo.md); "
        "tiny: proven on the tiny trained variant of the family",
        style="dim",
    )
    print_command(console, "next: zoo show mobilenet", style="dim")


def _cell(key: str, value: Any) -> str:
    if key == "parameters":
        return count_in_words(value)
    if key == "input":
        return "x".join(str(side) for side in value)
    return ", ".join(value) or "-" if key == "weights" else str(value)
