"""`zoo list`: what can be exported, from the registry alone."""

from __future__ import annotations

from typing import Any

import click

from export.console import print_json, standard_output
from export.quantities import count_in_words
from zoo.architecture import Architecture, find, names


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
        "task": architecture.task,
        "parameters": architecture.parameter_count,
        "input": list(preprocessing.shape),
        "classes": architecture.classes,
        "weights": [weights.tag for weights in architecture.weights],
    }


def _print_table(records: list[dict[str, Any]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    console = standard_output()
    # The paper's name is the first to go in a narrow terminal: `zoo show` has it.
    short = console.width < 110
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("name", style="bold cyan", no_wrap=True)
    if not short:
        table.add_column("network")
    table.add_column("task", no_wrap=True)
    table.add_column("parameters", justify="right", no_wrap=True)
    table.add_column("input", justify="right", no_wrap=True)
    table.add_column("trained on", no_wrap=True)
    for record in records:
        table.add_row(
            record["name"],
            *([] if short else [record["title"]]),
            record["task"],
            count_in_words(record["parameters"]),
            "x".join(str(side) for side in record["input"]),
            ", ".join(record["weights"]) or "-",
        )
    console.print(table)
    console.print("\nnext: zoo show mobilenet", style="dim")
