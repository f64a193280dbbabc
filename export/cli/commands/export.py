"""`zoo export MODEL`: export a network to proven TFLite and ONNX files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from export.cli.console import print_command, print_json, print_sentence, standard_error, standard_output
from export.passes import registry
from export.recipe import UNROLLED_STEPS, Preset, Recipe, Width
from export.scheme import SCHEMES

if TYPE_CHECKING:
    from export.bundle.deploy import Target

Command = Callable[..., Any]


def pass_options(command: Command) -> Command:
    """Add an option to `command` for every pass that a user can choose."""
    for name, kind in registry.PASSES.items():
        command = click.option(kind.flag, name, metavar=kind.metavar, help=kind.help)(command)
    return command


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option(
    "--int8", "int8", is_flag=True, help="Short for --precision int8; int8_dynamic for a model that reads text."
)
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
    help="Folder of photos or .wav files, .npz, .npy, .txt or .csv of texts, data set, module:function or synthetic; "
    "default: the built-in photos or texts.",
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
@click.option("--max-ram", metavar="256kB", help="Choose the best int8 file within this RAM of a microcontroller.")
@click.option("--max-flash", metavar="1MB", help="Choose the best int8 file within this flash of a microcontroller.")
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
@click.option("--evaluate", metavar="SOURCE", help="Labelled data: class folders, a CSV of photos or texts, an .npz.")
@click.option("--resume", is_flag=True, help="Go on with an evaluation on many photos that was interrupted.")
@click.option("--io", "io", metavar="TYPE", help="Input and output type of int8 files: uint8, int8, float32.")
@click.option("--opset", type=int, help="Version of ONNX's operators, for other runtimes; default: the converter's.")
@click.option("--dynamic-batch", is_flag=True, help="Let .onnx files take any number of samples at once.")
@click.option("--seed", default=0, show_default=True, help="Random seed.")
@click.option(
    "--out",
    default="artifacts",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Output folder; MODEL/ is created in it.",
)
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME",
    help="Also write MODEL-NAME/ with all that a device needs, e.g. raspberry-pi; may be repeated.",
)
@click.option("--zip", "zipped", is_flag=True, help="Write a .zip for each --target in place of a folder.")
@click.option("--sign", metavar="KEY", help="Sign the folder with this private key: Ed25519, PEM or OpenSSH.")
@click.option("--no-cache", is_flag=True, help="Compute all steps again, also those of an earlier export.")
@click.option("--keep-failed", is_flag=True, help="Also write files that failed their proof.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def command(
    models: tuple[str, ...], targets: tuple[str, ...], zipped: bool, no_cache: bool, as_json: bool, **words: Any
) -> int:
    """Export networks of the zoo or model files (.keras, .h5, SavedModel folder), and prove every file.

    The exit code is 0 if all files are proven and 1 if a file failed; of several models, the largest.
    """
    from export.cli.requested_recipe import requested_recipe
    from export.cli.several_models import check_apart, export_several, of_model, print_outcomes, record
    from export.preflight.check import check
    from export.preflight.samples import check_given

    recipes = [_for_targets(targets, requested_recipe(model, **words, use_cache=not no_cache)) for model in models]
    for recipe in recipes:
        with of_model(recipe.model, named=len(recipes) > 1):
            check_given(recipe, check(recipe))
    check_apart(recipes)
    devices = {recipe.model: _devices(targets, recipe, zipped=zipped) for recipe in recipes}
    for line in dict.fromkeys(line for one in recipes for line in [*_without_effect(one), *_code_to_run(one)]):
        print_command(standard_error(), line)

    def export(recipe: Recipe) -> dict[str, Any]:
        return _exported(recipe, devices[recipe.model], zipped=zipped, tables=len(recipes) == 1 and not as_json)

    if len(recipes) == 1:
        result = export(recipes[0])
        if as_json:
            print_json(result["manifest"])
        return 0 if result["manifest"]["passed"] else 1
    outcomes = export_several(recipes, export)
    print_json(record(outcomes)) if as_json else print_outcomes(outcomes)
    return max(one.code for one in outcomes)


def _exported(recipe: Recipe, devices: list[Target], *, zipped: bool, tables: bool) -> dict[str, Any]:
    """Export one model and pack it for its devices, and return what `remote.export` returned."""
    from export import remote
    from export.cli import planned_steps, usual_time
    from export.cli.progress_bar import ProgressBar
    from export.runtime import background

    planned, opening = planned_steps.of_export(recipe), usual_time.sentence(recipe)
    with ProgressBar(standard_error(), planned, opening) as progress:
        result: dict[str, Any] = background.start(remote.export, progress, request=remote.request_of(recipe))
    if tables:
        _print_tables(result)
    for target in devices if result["folder"] is not None else []:
        packed = _pack(Path(result["folder"]), target, zipped=zipped)
        result = {**result, "packed": {**result.get("packed", {}), target.title: str(packed)}}
        if tables:
            print_command(standard_output(), f"for {target.title}: {packed}")
    return result


def _for_targets(targets: tuple[str, ...], recipe: Recipe) -> Recipe:
    if not targets:
        return recipe
    from export.bundle import deploy

    return deploy.with_types(targets, recipe)


def _devices(targets: tuple[str, ...], recipe: Recipe, *, zipped: bool) -> list[Target]:
    if not targets and not zipped:
        return []
    from export.bundle import deploy

    return deploy.requested(targets, recipe, zipped=zipped)


def _pack(folder: Path, target: Target, *, zipped: bool) -> Path:
    from export.bundle.deploy.pack import pack
    from export.bundle.read import read
    from export.cli.progress_bar import ProgressBar

    with ProgressBar(standard_error()) as progress:
        packed = pack(read(folder), target, None, None, progress, zipped=zipped)
    for note in packed.notes:
        print_command(standard_error(), f"note: {note}")
    return packed.path


def _print_tables(result: dict[str, Any]) -> None:
    from export.cli.tables.budget import print_budget
    from export.cli.tables.export import print_table
    from export.cli.tables.last_words import last_words
    from export.cli.tables.layers import print_worst
    from export.cli.tables.pruning import print_pruning

    console, manifest = standard_output(), result["manifest"]
    print_table(console, manifest, title=f"{manifest['name']}: {manifest['title']}")
    print_pruning(console, manifest)
    print_budget(console, manifest)
    print_worst(console, manifest)
    for line in last_words(result):
        (print_command if ": zoo " in line else print_sentence)(console, line)


def _without_effect(recipe: Recipe) -> list[str]:
    """Return lines about the options that change nothing."""
    from export.preflight.without_effect import notes

    source = click.get_current_context().get_parameter_source
    typed = [
        name for name in ("calibration_count", "observer", "unroll") if source(name) is ParameterSource.COMMANDLINE
    ]
    return [f"note: {sentence}" for sentence in notes(recipe, typed)]


def _code_to_run(recipe: Recipe) -> list[str]:
    """Return lines about the Python code that the user allowed to run."""
    lines = [f"--import: running {file}" for file in recipe.imports]
    if recipe.unsafe_lambda:
        lines.append(f"--unsafe-lambda: running the Python code of Lambda layers in {recipe.model}")
    return lines
