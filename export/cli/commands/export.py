"""`zoo export MODEL`: the whole way, from a name to proven files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from export.cli.console import print_json, standard_error, standard_output
from export.passes import registry
from export.passes.chosen import ChosenPass
from export.recipe import Budget, Io, Preset, Recipe, Width
from export.scheme import FLOAT16, FLOAT32, INT8, SCHEMES, Scheme
from zoo.errors import UsageProblemError, unknown

Command = Callable[..., Any]

_SHORTHANDS = {"int8": INT8, "fp16": FLOAT16, "w8a8": INT8}


def pass_options(command: Command) -> Command:
    """Add the flag of every pass that a user can choose."""
    for name, kind in registry.PASSES.items():
        command = click.option(kind.flag, name, metavar=kind.metavar, help=kind.help)(command)
    return command


@click.command()
@click.argument("model")
@click.option("--int8", "int8", is_flag=True, help="Short for --precision int8.")
@click.option(
    "--precision",
    "schemes",
    metavar="A,B",
    help=f"Any of {', '.join(SCHEMES)}; float32 if none is given.",
)
@click.option("--format", "formats", metavar="A,B", help="Any of tflite, onnx; both if none is given.")
@click.option(
    "--set", "options", multiple=True, metavar="KEY=VALUE", help="An option that `zoo show` lists: alpha=0.5."
)
@click.option(
    "--weights",
    metavar="TAG|FILE|random",
    help="Which weights; the first that `zoo show` lists if not given.",
)
@click.option(
    "--calibration",
    metavar="SOURCE",
    help="Folder of photos, .npz, .npy, data set, module:function or synthetic; built-in photos if not given.",
)
@click.option("--calibration-count", default=100, show_default=True, help="At most so many samples.")
@click.option("--random-calibration", is_flag=True, help="Calibrate on noise: sizes and speed only.")
@click.option(
    "--observer",
    default="sensitivity",
    show_default=True,
    help="How ranges are found: sensitivity (what clipping costs the answers), min-max, percentile, mse.",
)
@click.option(
    "--reconstruct/--no-reconstruct",
    default=True,
    show_default=True,
    help="Make the weights of integer files so that they keep the answers.",
)
@pass_options
@click.option("--original", metavar="FILE.keras", help="Compare with this too: your model before it lost weights.")
@click.option(
    "--raise",
    "raised",
    multiple=True,
    metavar="LAYER[=WIDTH]",
    help=f"A layer of the int8 file that is wider: {', '.join(Width)}; float32 if none is given.",
)
@click.option("--max-drop", metavar="1%", help="Raise as few layers of int8 as it takes to lose no more answers.")
@click.option("--max-size", metavar="3MB", help="Choose the precision: the best file of at most that size.")
@click.option("--max-latency", metavar="20ms", help="Likewise of at most that time, on one thread of this machine.")
@click.option("--preset", metavar="NAME", help=f"Choose the precision by a name: {', '.join(Preset)}.")
@click.option(
    "--raise-to", metavar="A,B", help=f"Where a budget may raise layers to: {', '.join(Width)}; all if not given."
)
@click.option(
    "--probe-count", type=int, help="At most so many samples for the proof; 64, or 16 for random weights, if not given."
)
@click.option(
    "--diagnose", is_flag=True, help="Compare int8 files with the model layer by layer; takes some seconds more."
)
@click.option("--preprocessing", metavar="NAME", help="For your own model: raw, unit, tf, caffe or torch.")
@click.option("--evaluate", metavar="SOURCE", help="Labelled data: class folders or a CSV; zoo show says of others.")
@click.option("--io", "io", metavar="TYPE", help="Inputs and outputs of int8 files: uint8, int8, float32.")
@click.option("--seed", default=0, show_default=True, help="Of every random choice.")
@click.option("--out", default="artifacts", show_default=True, type=click.Path(path_type=Path), help="Receives MODEL/.")
@click.option("--keep-failed", is_flag=True, help="Write files that failed their proof too.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest instead of the table.")
def command(
    model: str,
    int8: bool,
    schemes: str | None,
    formats: str | None,
    options: tuple[str, ...],
    raised: tuple[str, ...],
    max_drop: str | None,
    max_size: str | None,
    max_latency: str | None,
    preset: str | None,
    raise_to: str | None,
    io: str | None,
    as_json: bool,
    **others: Any,
) -> int:
    """Export a network of the zoo or a .keras file, and prove every file.

    Ends with 0 if all files are proven, with 1 if one failed.
    """
    from export import remote
    from export.cli.progress_bar import ProgressBar
    from export.cli.tables.budget import print_budget
    from export.cli.tables.export import print_table
    from export.cli.tables.layers import print_worst
    from export.cli.tables.pruning import print_slimming
    from export.runtime import background

    budget = _budget(max_drop, max_size, max_latency, preset, raise_to)
    if budget.chooses_precision and (schemes or int8):
        raise UsageProblemError("--max-size, --max-latency and --preset choose the precision; leave yours out")
    if budget.is_asked and raised:
        raise UsageProblemError("a budget finds the layers by itself; leave out --raise, or the budget")
    recipe = Recipe(
        model=model,
        budget=budget,
        schemes=_schemes(schemes, int8 or budget.max_drop is not None),
        formats=_formats(formats),
        options=dict(option(text) for text in options),
        passes=chosen_passes(others),
        raised=dict(_raised(text) for text in raised),
        io=_io(io),
        **others,
    )
    with ProgressBar(standard_error()) as progress:
        answer = background.start(remote.export, progress, request=remote.request_of(recipe))
    manifest = answer["manifest"]
    if as_json:
        print_json(manifest)
    else:
        console = standard_output()
        print_table(console, manifest, title=f"{manifest['name']}: {manifest['title']}")
        print_slimming(console, manifest)
        print_budget(console, manifest)
        print_worst(console, manifest)
        for line in _last_words(answer):
            console.print(line, soft_wrap=True)
    return 0 if manifest["passed"] else 1


def _last_words(answer: dict[str, Any]) -> list[str]:
    """Return where the files are and what to type next."""
    manifest, folder = answer["manifest"], answer["folder"]
    if folder is None:
        return ["", "nothing was written: no file passed its proof; --keep-failed writes them all the same"]
    names = ", ".join(file["file"] for file in manifest["files"])
    failed = [
        file["file"] for file in manifest["not_delivered"] if file["precision"] in manifest["recipe"]["precisions"]
    ]
    lines = ["", f"{folder}: {names}"]
    if answer["replaced"]:
        lines.append(f"replaced: {', '.join(answer['replaced'])}, of the export before; --out elsewhere keeps both")
    if failed:
        lines.append(f"not written, see their verdict: {', '.join(failed)}")
    if not manifest["weights"]["trained"]:
        lines.append("these files are UNTRAINED: give --weights before you ship one")
    image = any(contract["kind"] == "photo" for contract in manifest["inputs"].values())
    return [*lines, f"next: zoo run {folder} photo.jpg" if image else f"next: zoo verify {folder}"]


def _budget(
    max_drop: str | None, max_size: str | None, max_latency: str | None, preset: str | None, raise_to: str | None
) -> Budget:
    from export.analysis.budget import words

    if preset is not None and preset not in list(Preset):
        raise unknown("preset", preset, Preset)
    budget = Budget(
        max_drop=words.drop(max_drop) if max_drop is not None else None,
        max_bytes=words.size(max_size) if max_size is not None else None,
        max_latency_ms=words.latency(max_latency) if max_latency is not None else None,
        preset=Preset(preset) if preset is not None else None,
        widths=tuple(_width(word.strip()) for word in raise_to.split(",")) if raise_to is not None else tuple(Width),
    )
    if raise_to is not None and not budget.is_asked:
        raise UsageProblemError("--raise-to says where a budget may raise layers to; type --max-drop 1% with it")
    return budget


def _schemes(text: str | None, int8: bool) -> tuple[Scheme, ...]:
    words = [word.strip() for word in text.split(",")] if text is not None else []
    if int8 and "int8" not in words:
        words.append("int8")
    return tuple(dict.fromkeys(_scheme(word) for word in words)) if words else (FLOAT32,)


def _scheme(word: str) -> Scheme:
    if word in _SHORTHANDS:
        return _SHORTHANDS[word]
    if word not in SCHEMES:
        raise unknown("precision", word, SCHEMES)
    return SCHEMES[word]


def _formats(text: str | None) -> tuple[str, ...]:
    from export.formats import find

    return tuple(find(word.strip()).name for word in text.split(",")) if text is not None else ()


def _io(word: str | None) -> Io | None:
    if word is not None and word not in list(Io):
        raise unknown("io type", word, Io)
    return Io(word) if word is not None else None


def _raised(text: str) -> tuple[str, Width]:
    layer, _, word = text.partition("=")
    return layer, _width(word) if word else Width.FLOAT32


def _width(word: str) -> Width:
    if word not in list(Width):
        raise unknown("width", word, Width)
    return Width(word)


def chosen_passes(options: dict[str, Any]) -> tuple[ChosenPass, ...]:
    """Take the options of passes out of a command's `options`, and return the passes that they ask for."""
    texts = {name: options.pop(name) for name in registry.PASSES}
    return registry.from_record({name: text for name, text in texts.items() if text is not None})


def option(text: str) -> tuple[str, int | float]:
    """Return the key and the number of a `--set KEY=NUMBER`."""
    key, _, value = text.partition("=")
    try:
        return key, int(value) if value.lstrip("-").isdigit() else float(value)
    except ValueError:
        raise UsageProblemError(f"--set {text!r} is no KEY=NUMBER; type for example --set alpha=0.5") from None
