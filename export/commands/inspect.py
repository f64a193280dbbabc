"""`zoo inspect FILE`: what a model file really is, whoever made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from export.console import print_json, standard_output
from export.quantities import size_in_words


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the same facts for programs.")
def command(file: Path, as_json: bool) -> None:
    """Say what a .tflite or .onnx file is: integer or not, inputs, outputs, operators."""
    from export.inspection import inspect_file

    facts = inspect_file(file)
    if as_json:
        print_json(facts)
        return
    from rich.text import Text

    console = standard_output()
    console.print(Text(f"{facts['file']}, {size_in_words(facts['bytes'])}", style="bold"), soft_wrap=True)
    console.print(facts["verdict"], soft_wrap=True)
    console.print()
    console.print(_edges_table(facts))
    console.print()
    console.print(_operators_table(facts["census"]))
    console.print()
    console.print(f"sha256  {facts['sha256']}", style="dim", soft_wrap=True)


def _edges_table(facts: dict[str, Any]) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("", "name", "type", "shape", "real number"):
        table.add_column(title, style="bold cyan" if title == "name" else None)
    for kind in ("inputs", "outputs"):
        for spec in facts[kind]:
            shape = " x ".join(str(size) for size in spec["shape"])
            table.add_row(kind[:-1], spec["name"], spec["dtype"], shape, _real_number(spec))
    return table


def _real_number(spec: dict[str, Any]) -> str:
    """Return how the stored number is meant."""
    if spec["scale"] is None:
        return "as stored"
    return f"{spec['scale']:.6g} * (stored - {spec['zero_point']})".replace("- -", "+ ")


def _operators_table(operators: list[dict[str, Any]]) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("operator", style="bold cyan")
    table.add_column("arithmetic")
    table.add_column("count", justify="right")
    styles = {"float": "yellow", "integer": "green", "int16": "green"}
    for record in sorted(operators, key=lambda record: -record["count"]):
        words = "-" if record["arithmetic"] == "none" else record["arithmetic"]
        table.add_row(record["op"], words, str(record["count"]), style=styles.get(record["arithmetic"]))
    return table
