"""`zoo list`: what can be exported, from the registry alone."""

from __future__ import annotations

from typing import Any

import click

from export.console import print_json, standard_output
from export.quantities import count_in_words
from zoo import proofs
from zoo.architecture import Architecture, find, names

# Columns of a terminal from which on there is room for them.
WIDE = {"title": 182, "family": 132, "task": 110}
WIDE_FOR_WEIGHTS = 90  # the proof names those that count


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the same facts for programs.")
def command(as_json: bool) -> None:
    """List the architectures that are ready to export."""
    records = [_record(find(name)) for name in names()]
    if as_json:
        print_json(records)
        return
    _print_table(records)


def _record(architecture: Architecture) -> dict[str, Any]:
    preprocessing = architecture.preprocess(**architecture.settings({}))
    return {
        "name": architecture.name,
        "title": architecture.title,
        "family": architecture.family,
        "task": architecture.task,
        "parameters": architecture.parameter_count,
        "input": list(preprocessing.shape),
        "classes": architecture.classes,
        "weights": [weights.tag for weights in architecture.weights],
        "proof": proofs.words(architecture.name),
    }


def _print_table(records: list[dict[str, Any]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    console = standard_output()
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("name", style="bold cyan", no_wrap=True)
    # The first to go in a narrow terminal; `zoo show` has them.
    wide = [key for key, columns in WIDE.items() if console.width >= columns]
    for key in wide:
        table.add_column({"title": "network"}.get(key, key), no_wrap=True)
    table.add_column("parameters", justify="right", no_wrap=True)
    table.add_column("input", justify="right", no_wrap=True)
    with_weights = console.width >= WIDE_FOR_WEIGHTS
    if with_weights:
        table.add_column("weights", no_wrap=True)
    table.add_column("proof", no_wrap=True)
    for record in records:
        table.add_row(
            record["name"],
            *(record[key] for key in wide),
            count_in_words(record["parameters"]),
            "x".join(str(side) for side in record["input"]),
            *([", ".join(record["weights"]) or "-"] if with_weights else []),
            record["proof"],
        )
    console.print(table)
    console.print(
        "\nproof: int8 against Keras, by the last sweep (docs/zoo.md); tiny: the small trained twin",
        style="dim",
    )
    console.print("next: zoo show mobilenet", style="dim")
