"""`zoo inspect FILE`: describe any TFLite or ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from export.cli import option_words
from export.cli.console import print_json, standard_error, standard_output
from export.cli.tables.metadata import metadata_lines
from export.units import size_in_words
from zoo.errors import UsageProblemError


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--layers", "by_layer", is_flag=True, help="Show which layers of an int8 file lose accuracy, and what to try."
)
@click.option("--model", metavar="MODEL", help="With --layers: the source model of FILE, if no manifest names it.")
@click.option("--samples", metavar="SOURCE", help="With --layers: a folder of photos, an .npz or an .npy.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(file: Path, by_layer: bool, model: str | None, samples: str | None, as_json: bool) -> None:
    """Describe a model file: arithmetic, inputs, outputs, operators.

    With --layers, compare an int8 file with its Keras model, layer by layer.
    """
    from export.formats import format_of
    from export.runtime.inspect_file import inspect_file

    format_of(file)
    if by_layer:
        _show_layers(file, model, samples, as_json)
        return
    if model is not None or samples is not None:
        raise UsageProblemError("--model and --samples need --layers; add --layers")
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
    for line in metadata_lines(facts["metadata"]):
        console.print(Text(line), soft_wrap=True)
    console.print(f"sha256  {facts['sha256']}", style="dim", soft_wrap=True)


def _show_layers(file: Path, model: str | None, samples: str | None, as_json: bool) -> None:
    from export.bundle.diagnose import diagnose_file, requested
    from export.cli.progress_bar import ProgressBar
    from export.cli.tables.layers import print_diagnosis
    from export.preflight.model_facts import facts_of
    from export.preflight.samples import check_samples
    from export.runtime import background

    model = option_words.model(model) if model is not None else None
    recipe = requested(file.absolute(), model, samples)
    facts = facts_of(recipe)
    if samples is not None:
        check_samples(samples, facts, "--samples")
    with ProgressBar(standard_error()) as progress:
        progress.step("compare with the Keras model layer by layer")
        found = background.start(diagnose_file, progress, path=file.absolute(), model=model, samples=samples)
    if as_json:
        print_json(found)
    else:
        for note in found["notes"]:
            standard_error().print(f"note: {note}", soft_wrap=True)
        print_diagnosis(standard_output(), found)


def _edges_table(facts: dict[str, Any]) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("", "name", "type", "shape", "real value"):
        table.add_column(title, style="bold cyan" if title == "name" else None)
    for kind in ("inputs", "outputs"):
        for spec in facts[kind]:
            shape = " x ".join(str(size) for size in spec["shape"])
            table.add_row(kind[:-1], spec["name"], spec["dtype"], shape, _real_value(spec))
    return table


def _real_value(spec: dict[str, Any]) -> str:
    """Return the formula from a stored number to the real value."""
    if spec["scale"] is None:
        return "as stored"
    if spec["zero_point"] is None:
        return f"as stored, a multiple of {spec['scale']:.6g}"
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
