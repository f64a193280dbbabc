"""`zoo export MODEL`: export a network to proven TFLite and ONNX files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from export.cli.console import print_json, standard_error, standard_output
from export.passes import registry
from export.passes.chosen import ChosenPass
from export.recipe import UNROLLED_STEPS, Budget, Io, Preset, Recipe, Width
from export.scheme import FLOAT16, FLOAT32, INT8, SCHEMES, Scheme
from zoo.errors import UsageProblemError, unknown

Command = Callable[..., Any]

_SHORTHANDS = {"int8": INT8, "fp16": FLOAT16, "w8a8": INT8}


def pass_options(command: Command) -> Command:
    """Add an option to `command` for every pass that a user can choose."""
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
    help=f"Precisions to export, from {', '.join(SCHEMES)}; default: float32.",
)
@click.option("--format", "formats", metavar="A,B", help="Formats to export: tflite, onnx; default: both.")
@click.option(
    "--set", "options", multiple=True, metavar="KEY=VALUE", help="Architecture option from `zoo show`, e.g. alpha=0.5."
)
@click.option(
    "--set-input",
    "shapes",
    multiple=True,
    metavar="[NAME=]1,H,W,C",
    help="Shape of an input of your own model whose sizes are not fixed; default: that of the rows of --calibration.",
)
@click.option(
    "--import",
    "imports",
    multiple=True,
    metavar="FILE.py",
    help="Run this Python file of yours, which defines the custom layers of your model.",
)
@click.option(
    "--unsafe-lambda", is_flag=True, help="Run the Python code of Lambda layers in MODEL; only for files you trust."
)
@click.option(
    "--weights",
    metavar="TAG|FILE|random",
    help="Weights to use; default: the first that `zoo show` lists.",
)
@click.option(
    "--calibration",
    metavar="SOURCE",
    help="Folder of photos, .npz, .npy, data set, module:function or synthetic; default: the built-in photos.",
)
@click.option("--calibration-count", default=100, show_default=True, help="Maximum number of calibration samples.")
@click.option(
    "--random-calibration", is_flag=True, help="Calibrate on random noise: only sizes and speed are meaningful."
)
@click.option(
    "--observer",
    default="sensitivity",
    show_default=True,
    help="How to choose activation ranges: sensitivity (accuracy cost of clipping), min-max, percentile, mse.",
)
@click.option(
    "--reconstruct/--no-reconstruct",
    default=True,
    show_default=True,
    help="Optimize the rounding of integer weights so that the outputs stay close to the model's.",
)
@click.option(
    "--unroll",
    default=UNROLLED_STEPS,
    show_default=True,
    metavar="STEPS",
    help="Longest recurrent layer that int8 and w8a16 unroll; longer ones stay float loops with 8-bit weights.",
)
@click.option(
    "--streaming", is_flag=True, help="Export one step of a recurrent model: its state becomes inputs and outputs."
)
@click.option(
    "--allow-select-tf-ops",
    is_flag=True,
    help="Where LiteRT lacks an operator, write a .tflite that needs TensorFlow's on the device; it is not proven.",
)
@pass_options
@click.option("--original", metavar="FILE.keras", help="Also compare with this model, e.g. yours before pruning.")
@click.option(
    "--raise",
    "raised",
    multiple=True,
    metavar="LAYER[=WIDTH]",
    help=f"Keep a layer of the int8 file in higher precision: {', '.join(Width)}; default: float32.",
)
@click.option(
    "--max-drop", metavar="1%", help="Keep as few int8 layers in higher precision as this accuracy loss allows."
)
@click.option("--max-size", metavar="3MB", help="Choose the best file within this size.")
@click.option("--max-latency", metavar="20ms", help="Choose the best file within this latency, on one thread here.")
@click.option("--preset", metavar="NAME", help=f"Choose the file by goal: {', '.join(Preset)}.")
@click.option(
    "--raise-to", metavar="A,B", help=f"Higher precisions that a budget may use: {', '.join(Width)}; default: all."
)
@click.option(
    "--probe-count", type=int, help="Maximum number of samples for the proof; default: 64, or 16 for random weights."
)
@click.option(
    "--diagnose", is_flag=True, help="Compare int8 files with the model layer by layer; takes a few seconds longer."
)
@click.option("--preprocessing", metavar="NAME", help="Preprocessing of your own model: raw, unit, tf, caffe or torch.")
@click.option("--evaluate", metavar="SOURCE", help="Labelled data: class folders, a CSV, an .npz.")
@click.option("--io", "io", metavar="TYPE", help="Input and output type of int8 files: uint8, int8, float32.")
@click.option("--seed", default=0, show_default=True, help="Random seed.")
@click.option(
    "--out",
    default="artifacts",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Output folder; MODEL/ is created in it.",
)
@click.option("--sign", metavar="KEY", help="Sign the folder with this private key: Ed25519, PEM or OpenSSH.")
@click.option("--keep-failed", is_flag=True, help="Also write files that failed their proof.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def command(
    model: str,
    int8: bool,
    schemes: str | None,
    formats: str | None,
    options: tuple[str, ...],
    shapes: tuple[str, ...],
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
    """Export a network of the zoo or a model file (.keras, .h5, SavedModel folder), and prove every file.

    The exit code is 0 if all files are proven and 1 if a file failed.
    """
    from export import remote
    from export.cli.progress_bar import ProgressBar
    from export.runtime import background

    budget = _budget(max_drop, max_size, max_latency, preset, raise_to)
    if budget.chooses_precision and (schemes or int8):
        raise UsageProblemError(
            "--max-size, --max-latency and --preset choose the precision; leave out --precision and --int8"
        )
    if budget.is_asked and raised:
        raise UsageProblemError("a budget chooses the layers itself; leave out --raise, or leave out the budget")
    recipe = Recipe(
        model=model,
        budget=budget,
        schemes=_schemes(schemes, int8 or budget.max_drop is not None),
        formats=_formats(formats),
        options=dict(option(text) for text in options),
        input_shapes=dict(_shape(text) for text in shapes),
        passes=chosen_passes(others),
        raised=dict(_raised(text) for text in raised),
        io=_io(io),
        **others,
    )
    _check_key(recipe)
    for line in _code_to_run(recipe):
        standard_error().print(line, soft_wrap=True)
    with ProgressBar(standard_error()) as progress:
        result = background.start(remote.export, progress, request=remote.request_of(recipe))
    if as_json:
        print_json(result["manifest"])
    else:
        _print_tables(result)
    return 0 if result["manifest"]["passed"] else 1


def _print_tables(result: dict[str, Any]) -> None:
    from export.cli.tables.budget import print_budget
    from export.cli.tables.export import print_table
    from export.cli.tables.layers import print_worst
    from export.cli.tables.pruning import print_pruning

    console, manifest = standard_output(), result["manifest"]
    print_table(console, manifest, title=f"{manifest['name']}: {manifest['title']}")
    print_pruning(console, manifest)
    print_budget(console, manifest)
    print_worst(console, manifest)
    for line in _last_words(result):
        console.print(line, soft_wrap=True)


def _check_key(recipe: Recipe) -> None:
    """Check that the folder can be signed, before anything slow starts."""
    if recipe.sign is not None:
        from export.bundle.signing import read_private

        read_private(Path(recipe.sign).expanduser())


def _code_to_run(recipe: Recipe) -> list[str]:
    """Return lines about the Python code that the user allowed to run."""
    lines = [f"--import: running {file}" for file in recipe.imports]
    if recipe.unsafe_lambda:
        lines.append(f"--unsafe-lambda: running the Python code of Lambda layers in {recipe.model}")
    return lines


def _last_words(result: dict[str, Any]) -> list[str]:
    """Return the lines below the tables: where the files are and what to type next."""
    manifest, folder = result["manifest"], result["folder"]
    if folder is None:
        return ["", "nothing was written: no file passed its proof; add --keep-failed to write the files anyway"]
    names = ", ".join(file["file"] for file in manifest["files"])
    failed = [
        file["file"] for file in manifest["not_delivered"] if file["precision"] in manifest["recipe"]["precisions"]
    ]
    lines = ["", f"{folder}: {names}"]
    if result["replaced"]:
        lines.append(
            f"replaced from the previous export: {', '.join(result['replaced'])}; type another --out to keep both"
        )
    lines += _signed(manifest, Path(folder))
    if failed:
        lines.append(f"not written, see the verdict in the table: {', '.join(failed)}")
    if not manifest["weights"]["trained"]:
        lines.append("these files are UNTRAINED: export with --weights before you ship one")
    image = any(contract["kind"] == "photo" for contract in manifest["inputs"].values())
    return [*lines, f"next: zoo run {folder} photo.jpg" if image else f"next: zoo verify {folder}"]


def _signed(manifest: dict[str, Any], folder: Path) -> list[str]:
    """Return the lines about the signature: whose it is, and which files in the folder it does not cover."""
    from export.bundle.read import read

    if manifest["signer"] is None:
        return []
    lines = [f"signed by {manifest['signer']['fingerprint']}; to check it: zoo verify {folder} --key PUBLIC"]
    if strangers := read(folder).strangers():
        lines.append(f"not covered by the signature, move them away: {', '.join(strangers)}")
    return lines


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
        raise UsageProblemError("--raise-to needs a budget; add --max-drop 1%")
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


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    """Return the input's name, "" if it is left out, and the shape of a `--set-input NAME=1,224,224,3` option."""
    name, _, sizes = text.rpartition("=")
    try:
        shape = tuple(int(size) for size in sizes.split(","))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise UsageProblemError(f"--set-input {text!r} is not a shape; type for example --set-input image=1,224,224,3")
    return name, shape


def _width(word: str) -> Width:
    if word not in list(Width):
        raise unknown("width", word, Width)
    return Width(word)


def chosen_passes(options: dict[str, Any]) -> tuple[ChosenPass, ...]:
    """Remove the pass options from a command's `options`, and return the passes that they select."""
    texts = {name: options.pop(name) for name in registry.PASSES}
    return registry.from_record({name: text for name, text in texts.items() if text is not None})


def option(text: str) -> tuple[str, int | float]:
    """Return the key and the number of a `--set KEY=NUMBER` option."""
    key, _, value = text.partition("=")
    try:
        return key, int(value) if value.lstrip("-").isdigit() else float(value)
    except ValueError:
        raise UsageProblemError(f"--set {text!r} is not KEY=NUMBER; type for example --set alpha=0.5") from None
