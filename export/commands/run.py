"""`zoo run DIR photo.jpg`: use a delivered file, and see what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from export.console import print_json, standard_error, standard_output
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from export.delivered import Delivered, DeliveredFile
    from export.running import Answer
    from export.sighting import Seen

ARRAYS = (".npz", ".npy")
BAR_WIDTH = 20


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("inputs", metavar="PHOTO...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--file", "name", metavar="NAME", help="Which file of FOLDER; the int8 .tflite if not given.")
@click.option(
    "--top", default=5, show_default=True, type=click.IntRange(min=1), help="How many classes, or objects, to print."
)
@click.option("--out", metavar="FILE.npz", type=click.Path(path_type=Path), help="Write the outputs, as real numbers.")
@click.option("--json", "as_json", is_flag=True, help="Print the same facts for programs.")
def command(
    folder: Path, inputs: tuple[Path, ...], name: str | None, top: int, out: Path | None, as_json: bool
) -> None:
    """Say what the model in FOLDER sees in photos; needs no TensorFlow.

    In place of photos, one .npz or .npy with the inputs of any model.
    """
    from export import running
    from export.delivered import read

    delivered = read(folder)
    file = running.choose(delivered, name)
    arrays = [path for path in inputs if path.suffix in ARRAYS]
    if arrays and len(inputs) > 1:
        raise UsageProblemError(f"{arrays[0].name} must stand alone: give one .npz or .npy, or photos")
    if delivered.detection is not None and not arrays and out is None:
        _run_detector(delivered, file, inputs, top, as_json)
        return
    if arrays or out is not None or not running.classifies(file):
        _run_any(delivered, file, inputs, out, as_json)
        return
    answers = running.classify(delivered, file, inputs, top)
    _warn(file)
    if as_json:
        print_json({"file": file.path.name, "answers": [asdict(answer) for answer in answers]})
        return
    for answer in answers:
        _print_answer(answer, file.path.name)


def _warn(file: DeliveredFile) -> None:
    """Say that a file is one that --keep-failed wrote."""
    if file.failures:
        standard_error().print(
            f"warning: {file.path.name} failed its proof when it was exported: {file.failures[0]}", soft_wrap=True
        )


def _print_answer(answer: Answer, file: str) -> None:
    from rich.table import Table

    console = standard_output()
    console.print(f"{answer.photo}  ({file}, {answer.milliseconds:.2f} ms)", style="bold", soft_wrap=True)
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(style="green", width=BAR_WIDTH)
    table.add_column()
    for guess in answer.guesses:
        # A probability may be a little above 1 by rounding.
        bar = "━" * min(BAR_WIDTH, round(BAR_WIDTH * guess.probability))
        table.add_row(f"{100 * guess.probability:.1f} %", bar, guess.name)
    console.print(table)
    console.print()


def _run_detector(delivered: Delivered, file: DeliveredFile, photos: Sequence[Path], top: int, as_json: bool) -> None:
    """Say which objects the photos show, and where."""
    from export import sighting

    found = sighting.see(delivered, file, photos, top)
    _warn(file)
    if as_json:
        print_json({"file": file.path.name, "answers": [asdict(one) for one in found]})
        return
    for one in found:
        _print_seen(one, file.path.name)


def _print_seen(seen: Seen, file: str) -> None:
    from rich.table import Table

    console = standard_output()
    console.print(f"{seen.photo}  ({file}, {seen.milliseconds:.2f} ms)", style="bold", soft_wrap=True)
    if not seen.objects:
        console.print("no object that it is sure of")
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(style="green")
    table.add_column()
    for one in seen.objects:
        left, top, right, bottom = one.box
        table.add_row(f"{100 * one.score:.1f} %", one.name, f"x {left} to {right}, y {top} to {bottom}")
    console.print(table)
    console.print()


def _run_any(
    delivered: Delivered, file: DeliveredFile, inputs: Sequence[Path], out: Path | None, as_json: bool
) -> None:
    """Run a file whose answers are no classes, or whose inputs are no photos."""
    from export import running

    if inputs[0].suffix in ARRAYS:
        samples = running.array_samples(delivered, file, inputs[0])
    else:
        samples = running.photo_samples(delivered, file, inputs)
    measured = running.run(file, samples)
    _warn(file)
    facts = {
        "file": file.path.name,
        "samples": len(samples),
        "p50_ms": measured.p50_ms,
        "outputs": [_output(name, values) for name, values in measured.real.items()],
    }
    if out is not None:
        _write(out, measured.real)
    if as_json:
        print_json(facts)
        return
    _print_outputs(facts)
    if out is not None:
        standard_output().print(f"written: {out}", soft_wrap=True)


def _write(out: Path, outputs: Mapping[str, Any]) -> None:
    import numpy as np

    arrays: dict[str, Any] = dict(outputs)
    try:
        with out.open("wb") as stream:  # a name would be given a suffix of numpy's own
            np.savez(stream, **arrays)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise UsageProblemError(
            f"cannot write {str(out)!r} ({error.strerror}); type a file in a folder that exists"
        ) from error


def _output(name: str, values: Any) -> dict[str, Any]:
    return {
        "name": name,
        "shape": list(values.shape),
        "min": float(values.min()),
        "max": float(values.max()),
        "mean": float(values.mean()),
    }


def _print_outputs(facts: dict[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    samples = "1 sample" if facts["samples"] == 1 else f"{facts['samples']} samples"
    table = Table(
        title=f"{facts['file']}: {samples}, p50 {facts['p50_ms']:.2f} ms",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for heading in ("output", "shape", "min", "max", "mean"):
        table.add_column(heading, justify="left" if heading in ("output", "shape") else "right")
    for output in facts["outputs"]:
        shape = " x ".join(str(size) for size in output["shape"])
        table.add_row(output["name"], shape, *(f"{output[key]:.4g}" for key in ("min", "max", "mean")))
    standard_output().print(table)
