"""`zoo inspect FILE`: describe any TFLite or ONNX file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from export.cli import option_words
from export.cli.console import print_command, print_json, print_sentence, standard_error, standard_output
from export.cli.tables.fitting import Column, number, print_fitting
from export.cli.tables.metadata import metadata_lines
from export.units import size_in_words
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from rich.console import Console

EDGES = (
    Column(heading="tensor"),
    Column(heading="name", breaks=True, narrowest=12, style="bold cyan"),
    Column(heading="type"),
    Column(heading="shape", breaks=True, narrowest=len("1 x 224 x 224 x 3")),
    Column(heading="real value", breaks=True, narrowest=len("0.00392157 *")),
)
OPERATORS = (
    Column(heading="operator", breaks=True, narrowest=20, style="bold cyan"),
    Column(heading="arithmetic"),
    number("count"),
)


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

    from export.formats import footprint
    from export.formats.requirements import Requirements, in_words

    console = standard_output()
    print_command(console, Text(f"{facts['file']}, {size_in_words(facts['bytes'])}", style="bold"))
    print_sentence(console, facts["verdict"])
    console.print()
    _print_edges(console, facts)
    console.print()
    _print_operators(console, facts["census"])
    console.print()
    for line in in_words(Requirements(**facts["requirements"]), sum(one["count"] for one in facts["census"])):
        console.print(Text(line), soft_wrap=True)
    if facts["microcontroller"] is not None:
        console.print(Text(footprint.in_words(facts["microcontroller"])), soft_wrap=True)
    for line in metadata_lines(facts["metadata"]):
        print_sentence(console, Text(line))
    print_command(console, f"sha256  {facts['sha256']}", style="dim")


def _show_layers(file: Path, model: str | None, samples: str | None, as_json: bool) -> None:
    from export.bundle.diagnose import STEPS, diagnose_file, requested
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
    with ProgressBar(standard_error(), STEPS) as progress:
        found = background.start(diagnose_file, progress, path=file.absolute(), model=model, samples=samples)
    if as_json:
        print_json(found)
    else:
        for note in found["notes"]:
            standard_error().print(f"note: {note}", soft_wrap=True)
        print_diagnosis(standard_output(), found)


def _print_edges(console: Console, facts: Mapping[str, Any]) -> None:
    rows = [
        (kind[:-1], spec["name"], spec["dtype"], " x ".join(str(size) for size in spec["shape"]), _real_value(spec))
        for kind in ("inputs", "outputs")
        for spec in facts[kind]
    ]
    print_fitting(console, EDGES, rows)


def _real_value(spec: dict[str, Any]) -> str:
    """Return the formula from a stored number to the real value."""
    if spec["scale"] is None:
        return "as stored"
    if spec["zero_point"] is None:
        return f"as stored, a multiple of {spec['scale']:.6g}"
    return f"{spec['scale']:.6g} * (stored - {spec['zero_point']})".replace("- -", "+ ")


def _print_operators(console: Console, operators: Sequence[Mapping[str, Any]]) -> None:
    from export.bundle.report.file_words import ARITHMETIC

    ordered = sorted(operators, key=lambda record: -record["count"])
    kinds = [record["arithmetic"] for record in ordered]
    rows = [
        (record["op"], ARITHMETIC.get(kind, kind), str(record["count"]))
        for record, kind in zip(ordered, kinds, strict=True)
    ]
    styles = {"float": "yellow", "integer": "green", "int16": "green"}
    print_fitting(console, OPERATORS, rows, styles=[styles.get(kind) for kind in kinds])
