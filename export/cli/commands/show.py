"""`zoo show NAME|FILE`: show the facts and the card of one architecture, or the layers of a model file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from export.cli.card import read_card, read_program
from export.cli.console import print_command, print_json, standard_error, standard_output
from export.cli.printable import printable
from export.cli.program import program
from export.model.loading.model_file import is_model_file
from export.units import count_in_words, size_in_words
from zoo import inputs
from zoo.architecture import Architecture, find, names
from zoo.errors import UsageProblemError
from zoo.pinned import Source, Weights
from zoo.preprocessing import Preprocessing
from zoo.spelling import spelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console, Group


@click.command()
@click.argument("name", metavar="NAME|FILE")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
@click.option("--code", is_flag=True, help="Print only the Python program of the card, to copy and run.")
@click.option("--diagram", type=click.Path(path_type=Path), help="Draw the network to this .svg, .png or .pdf.")
@click.option("--full", is_flag=True, help="With --diagram: draw every layer, also repeated blocks.")
def command(name: str, as_json: bool, code: bool, diagram: Path | None, full: bool) -> None:
    """Show one architecture, its options, weights and card; or the layers of a model file; or draw it."""
    if code and (as_json or diagram is not None):
        raise UsageProblemError(f"choose one of --json, --code and --diagram; type zoo show {name} --code")
    if full and diagram is None:
        raise UsageProblemError(f"--full needs --diagram; type zoo show {name} --full --diagram {Path(name).stem}.svg")
    if diagram is not None and as_json:
        raise UsageProblemError("--diagram draws and --json prints; leave out one of them")
    if is_model_file(name) or (Path(name).expanduser().exists() and name not in names()):
        if code:
            raise UsageProblemError(f"{name} is a file, and only networks of the zoo have a card; leave out --code")
        _show_file(Path(name).expanduser(), diagram, as_json=as_json, full=full)
        return
    architecture = find(spelled(name, names()))
    if diagram is not None:
        _draw(architecture, diagram, full=full)
        return
    if as_json:
        print_json(record(architecture))
        return
    if code:
        # Not through rich, which would break lines: what is copied from here has to run.
        print(printable(read_program(architecture.name)), end="")
        return
    console = standard_output()
    _print_facts(console, architecture)
    if card := read_card(architecture.name):
        from rich.markdown import Markdown

        # The title is already printed above.
        text = card.partition("\n")[2] if card.startswith("# ") else card
        console.print(Markdown(text), width=min(console.width, 100))
        console.print()
        run = f"zoo show {architecture.name} --code | {program('python')}"
        print_command(console, f"run the program of the card: {run}", style="dim")
    precision = "" if architecture.decoder else " --int8"
    print_command(console, f"next: zoo export {architecture.name}{precision}", style="dim")


def _show_file(file: Path, diagram: Path | None, *, as_json: bool, full: bool) -> None:
    from export.cli import own_model

    if diagram is not None:
        _draw_file(file, diagram, full=full)
    elif as_json:
        print_json(own_model.record(file))
    else:
        own_model.print_own_model(standard_output(), own_model.record(file))


def _draw_file(file: Path, path: Path, *, full: bool) -> None:
    from export.bundle.diagram import drawing
    from export.bundle.diagram.of_architecture import write_diagram_of_file
    from export.preflight.model_facts import facts_of
    from export.recipe import Recipe

    drawing.check(path)
    facts_of(Recipe(model=str(file)))
    _started(write_diagram_of_file, path, file=str(file.absolute()), full=full)


def _draw(architecture: Architecture, path: Path, *, full: bool) -> None:
    from export.bundle.diagram import drawing
    from export.bundle.diagram.of_architecture import write_diagram

    drawing.check(path)
    _started(write_diagram, path, name=architecture.name, full=full)


def _started(job: Callable[..., Any], path: Path, **arguments: Any) -> None:
    """Draw in a process of its own, whose libraries write to a log."""
    from export.cli.progress_bar import ProgressBar
    from export.runtime import background

    with ProgressBar(standard_error()) as progress:
        drawn = background.start(job, progress, path=str(path.absolute()), **arguments)
    print_command(standard_output(), f"{path}: {size_in_words(drawn['bytes'])}")


def record(architecture: Architecture) -> dict[str, Any]:
    """Return everything in the registry about an architecture, as plain data."""
    return {
        "name": architecture.name,
        "title": architecture.title,
        "task": architecture.task,
        "paper": architecture.paper,
        "parameters": architecture.parameter_count,
        "classes": architecture.classes,
        "options": {
            key: {"default": option.default, "choices": list(option.choices), "meaning": option.meaning}
            for key, option in architecture.options.items()
        },
        "inputs": inputs.record(_default_inputs(architecture)),
        "weights": [_weights_record(weights) for weights in architecture.weights],
        "card": read_card(architecture.name),
    }


def describe(preprocessing: Preprocessing) -> str:
    """Return a description of the preprocessing from photo to input."""
    size = f"{preprocessing.height} x {preprocessing.width}"
    short_side = round(min(preprocessing.height, preprocessing.width) / preprocessing.crop_fraction)
    if preprocessing.fit == "stretch":
        resize = f"the whole photo to {size} ({preprocessing.resize})"
    else:
        resize = f"short side to {short_side} ({preprocessing.resize}), centre crop {size}"
    channels = max(len(preprocessing.scale), len(preprocessing.offset))
    # One number stands for all channels.
    scales = preprocessing.scale * (channels // len(preprocessing.scale))
    offsets = preprocessing.offset * (channels // len(preprocessing.offset))
    pairs = zip(scales, offsets, strict=True)
    spans = dict.fromkeys(f"[{offset:.4g}, {255 * scale + offset:.4g}]" for scale, offset in pairs)
    return f"{resize}; {preprocessing.colours}; {_formula(preprocessing)}, which gives {', '.join(spans)}"


def _formula(preprocessing: Preprocessing) -> str:
    """Return `byte * scale + offset` in readable form: "byte / 127.5 - 1"."""
    words = "byte"
    if set(preprocessing.scale) != {1.0}:
        words += f" / {_numbers([1 / scale for scale in preprocessing.scale])}"
    if set(preprocessing.offset) != {0.0}:
        sign = "-" if all(offset <= 0 for offset in preprocessing.offset) else "+"
        words += f" {sign} {_numbers([-offset if sign == '-' else offset for offset in preprocessing.offset])}"
    return words


def _numbers(values: list[float]) -> str:
    """Return one number if all are equal, else one per channel in brackets."""
    words = list(dict.fromkeys(f"{value:.6g}" for value in values))
    return words[0] if len(words) == 1 else f"({', '.join(f'{value:.6g}' for value in values)})"


def _default_inputs(architecture: Architecture) -> Mapping[str, inputs.Input]:
    return architecture.inputs(**architecture.settings({}))


def _weights_record(weights: Weights) -> dict[str, Any]:
    return {
        "tag": weights.tag,
        "licence": weights.licence,
        "trained_on": weights.trained_on,
        "sources": [_source_record(source) for source in weights.sources],
    }


def _source_record(source: Source) -> dict[str, Any]:
    return {
        "kind": source.kind,
        "location": source.location,
        "members": list(source.members),
        "sha256": source.sha256 or None,
        "md5": source.md5 or None,
    }


def _print_facts(console: Console, architecture: Architecture) -> None:
    from rich.table import Table

    console.print(architecture.title, style="bold")
    console.print(architecture.paper, style="dim", soft_wrap=True)
    console.print()
    facts = Table.grid(padding=(0, 3))
    facts.add_column(style="cyan", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row("name", architecture.name)
    classes = f", {architecture.classes} classes" if architecture.classes else ""
    facts.add_row("task", f"{architecture.task}{classes}")
    facts.add_row("parameters", f"{count_in_words(architecture.parameter_count)} ({architecture.parameter_count:,})")
    for name, contract in _default_inputs(architecture).items():
        words = describe(contract.preprocessing) if isinstance(contract, inputs.Photo) else contract.describe()
        facts.add_row("input" if name == "image" else f"input {name}", words)
    for key, option in architecture.options.items():
        choices = ", ".join(str(choice) for choice in option.choices)
        facts.add_row(f"--set {key}=", f"{choices}; default {option.default}; {option.meaning}")
    default = architecture.trained_as(None)
    for position, weights in enumerate(architecture.weights):
        facts.add_row("--weights" if position == 0 else "", _weights_cell(weights, default=weights is default))
    if not architecture.weights:
        facts.add_row("weights", "none: the export is untrained unless you give --weights FILE")
    console.print(facts)
    console.print()


def _weights_cell(weights: Weights, *, default: bool) -> Group:
    """Return the table cell of one set of weights: tag, sources and digest."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    title = Text(weights.tag, style="bold")
    if default:
        title.append(" (the default)", style="not bold")
    title.append(f": trained on {weights.trained_on}; licence {weights.licence}", style="not bold")
    places = Table.grid(padding=(0, 2))
    places.add_column(no_wrap=True)
    places.add_column(overflow="fold")
    # Sources of the same bytes share a line for the digest.
    digests = list(dict.fromkeys(_digest(source) for source in weights.sources))
    for digest in digests:
        for source in weights.sources:
            if _digest(source) == digest:
                places.add_row(source.kind, source.location)
        places.add_row(*digest, style="dim")
    return Group(title, places)


def _digest(source: Source) -> tuple[str, str]:
    return ("sha256", source.sha256) if source.sha256 else ("md5", source.md5)
