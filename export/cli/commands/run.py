"""`zoo run DIR photo.jpg`: run a delivered file and print its predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from export.cli.console import print_json, standard_error, standard_output
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from export.analysis.tasks.prediction import Prediction
    from export.bundle.given import Given
    from export.bundle.predict import Reader
    from export.bundle.read import Delivered, DeliveredFile
    from export.runtime.run_file import Measurement
    from export.runtime.sampling import Sampling

ARRAYS = (".npz", ".npy")
PICTURE = ".png"
# A word that ends so is the name of a file and not a text.
FILE_SUFFIXES, LONGEST_NAME = (".txt", ".jpg", ".jpeg", ".png", ".csv"), 255
SAMPLING = ("max_tokens", "temperature", "top_p", "seed")  # Options of networks that write a text.


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("inputs", metavar="PHOTO|TEXT...", nargs=-1, required=True)
@click.option("--file", "name", metavar="NAME", help="File of FOLDER to run; default: the .tflite of --int8.")
@click.option(
    "--top", default=5, show_default=True, type=click.IntRange(min=1), help="Number of classes or objects to print."
)
@click.option(
    "--out",
    metavar="FILE.npz|FILE.png",
    type=click.Path(path_type=Path),
    help="Write the outputs as real values; for a .png, write the predicted picture, for example a segmentation mask.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@click.option("--max-tokens", default=100, show_default=True, help="Most new tokens of a network that writes text.")
@click.option("--temperature", default=0.0, show_default=True, help="Of new tokens: 0 takes the likeliest.")
@click.option(
    "--top-p",
    default=1.0,
    show_default=True,
    help="Share of the likeliest tokens to draw from.",
)
@click.option("--seed", default=0, show_default=True, help="Random seed of new tokens.")
def command(
    folder: Path,
    inputs: tuple[str, ...],
    name: str | None,
    top: int,
    out: Path | None,
    as_json: bool,
    max_tokens: int,
    temperature: float,
    top_p: float,
    seed: int,
) -> None:
    """Run a delivered file on photos or texts, without TensorFlow; some networks write texts.

    Quote a text, or give a .txt with one text per line. Instead, give one .npz or .npy with the inputs of any model.
    """
    from export.bundle import fill, generate, predict, translate
    from export.bundle.read import read
    from export.runtime.sampling import Sampling

    delivered = read(folder)
    file = predict.choose(delivered, name)
    arrays = [path for path in map(Path, inputs) if path.suffix in ARRAYS and "\n" not in str(path)]
    if arrays and len(inputs) > 1:
        raise UsageProblemError(
            f"{arrays[0].name} cannot be combined with other inputs; give one .npz or .npy, or only photos or texts"
        )
    writers = {generate.TASK: _continue, translate.TASK: _translate}
    write = writers.get(delivered.task)
    if write is not None and not arrays and out is None:
        sampling = Sampling(most=max_tokens, temperature=temperature, top_p=top_p, seed=seed)
        write(delivered, file, _texts(inputs), sampling, as_json=as_json)
        return
    reason = "does not write a text" if write is None else "writes no text for arrays or with --out"
    _check_no_sampling(f"{delivered.name} {reason}")
    if delivered.task == fill.TASK and not arrays and out is None:
        _fill(delivered, file, _texts(inputs), top, as_json=as_json)
        return
    picture = out is not None and out.suffix == PICTURE
    taken = _given(delivered, file, inputs, arrays)
    reader = predict.reader(delivered, file, photos=bool(taken.photo_sizes)) if out is None or picture else None
    if picture:
        _check_picture(reader, file, inputs, out)
    measured = predict.run(file, taken.samples)
    predictions = reader.read(measured, taken, top) if reader else None
    _warn(file)
    if out is not None:
        _write(out, measured, predictions)
    if predictions is None:
        _print_outputs(file, measured, len(taken.samples), as_json=as_json)
    else:
        _print_predictions(file, measured, taken, predictions, as_json=as_json)
    if out is not None and not as_json:
        standard_output().print(f"written: {out}", soft_wrap=True)


def _check_no_sampling(reason: str) -> None:
    """Check that no option was typed that only the writing of a text has.

    Raises:
        UsageProblemError: one was; the message begins with the reason.
    """
    source = click.get_current_context().get_parameter_source
    typed = [f"--{name.replace('_', '-')}" for name in SAMPLING if source(name) is ParameterSource.COMMANDLINE]
    if typed:
        raise UsageProblemError(f"{reason}; leave out {', '.join(typed)}")


def _continue(
    delivered: Delivered, file: DeliveredFile, prompts: Sequence[str], sampling: Sampling, *, as_json: bool
) -> None:
    """Continue each text, and print what follows as it arrives."""
    from export.bundle.generate import generate
    from export.bundle.given import tokenizer
    from export.cli.printable import printable

    console, found = standard_output(), []
    tokenizer(delivered)  # Refused before a text is printed.
    for prompt in prompts:
        if not as_json:
            console.print(printable(prompt), end="", style="bold", markup=False, highlight=False, soft_wrap=True)
        continued = generate(delivered, file, prompt, sampling, _ignore if as_json else _show)
        found.append(asdict(continued))
        if not as_json:
            console.print()
            speed = f"{continued.first_ms:.0f} ms to the first token, {continued.tokens_per_second:.0f} tokens/s"
            console.print(f"{file.path.name}: {len(continued.tokens)} tokens, {speed}\n", style="dim", soft_wrap=True)
    _warn(file)
    if as_json:
        print_json({"file": file.path.name, "answers": found})


def _translate(
    delivered: Delivered, file: DeliveredFile, texts: Sequence[str], sampling: Sampling, *, as_json: bool
) -> None:
    """Print the translation of each text."""
    from export.bundle.translate import translate
    from export.cli.printable import printable

    console, found = standard_output(), translate(delivered, file, texts, sampling)
    _warn(file)
    for one in found:
        if one.is_cut:
            _warn_of_cut(one.text)
        if not as_json:
            console.print(printable(one.text), end=" -> ", style="bold", markup=False, highlight=False, soft_wrap=True)
            console.print(printable(one.translation), markup=False, highlight=False, soft_wrap=True)
            console.print(f"{file.path.name}: {one.milliseconds:.1f} ms", style="dim", soft_wrap=True)
    if as_json:
        print_json({"file": file.path.name, "answers": [asdict(one) for one in found]})


def _fill(delivered: Delivered, file: DeliveredFile, texts: Sequence[str], top: int, *, as_json: bool) -> None:
    """Print each text with its hidden tokens, and the likeliest tokens of every place."""
    from export.bundle.fill import fill
    from export.cli.printable import printable

    console, found = standard_output(), fill(delivered, file, texts, top)
    _warn(file)
    for one in found:
        if one.is_cut:
            _warn_of_cut(one.text)
        if not as_json:
            console.print(printable(one.filled), style="bold", markup=False, highlight=False, soft_wrap=True)
            for candidates in one.places:
                likeliest = ", ".join(f"{printable(two.token)} {100 * two.chance:.1f}%" for two in candidates)
                console.print(f"  {likeliest}", markup=False, highlight=False, soft_wrap=True)
            console.print(f"{file.path.name}: {one.milliseconds:.1f} ms", style="dim", soft_wrap=True)
    if as_json:
        print_json({"file": file.path.name, "answers": [asdict(one) for one in found]})


def _warn_of_cut(text: str) -> None:
    """Warn that a text was cut off."""
    from export.cli.printable import printable

    warning = f"warning: {printable(text)!r} is longer than the network reads and was cut off"
    standard_error().print(warning, markup=False, soft_wrap=True)


def _show(text: str) -> None:
    """Print a piece of text as it arrives."""
    from export.cli.printable import printable

    standard_output().print(printable(text), end="", markup=False, highlight=False, soft_wrap=True)


def _ignore(text: str) -> None:
    """Print nothing."""


def _given(delivered: Delivered, file: DeliveredFile, inputs: Sequence[str], arrays: Sequence[Path]) -> Given:
    """Return what the file is run on: an array, texts if the model reads text, otherwise photos."""
    from export.bundle import given
    from zoo.inputs import tokenizer_of

    if arrays:
        return given.from_arrays(delivered, file, arrays[0])
    if delivered.texts:
        return given.from_ruled_texts(delivered, file, _texts(inputs))
    if not tokenizer_of(delivered.inputs):
        return given.from_photos(delivered, file, [Path(one) for one in inputs])
    taken = given.from_texts(delivered, file, _texts(inputs))
    for warning in taken.samples.warnings:
        standard_error().print(f"warning: {warning}", soft_wrap=True)
    return taken


def _texts(inputs: Sequence[str]) -> list[str]:
    """Return texts as they are typed, and the lines of .txt files.

    Raises:
        UsageProblemError: what is meant as a file is none, or none of text.
    """
    from calibration.text_files import LINES, lines

    found: list[str] = []
    for one in inputs:
        is_name = len(one) <= LONGEST_NAME and not any(map(str.isspace, one)) and Path(one).suffix in FILE_SUFFIXES
        if not is_name:
            found.append(one)
        elif Path(one).suffix == LINES:
            found += lines(Path(one))
        else:
            raise UsageProblemError(f"{one!r} looks like a file; type a text, or a .txt with one text per line")
    return found


def _check_picture(reader: Reader | None, file: DeliveredFile, inputs: Sequence[str], out: Path | None) -> None:
    """Check that one picture can be written.

    Raises:
        UsageProblemError: the predictions are not pictures, or there is more than one.
    """
    if reader is None or not reader.task.makes_pictures:
        raise UsageProblemError(f"{file.path.name} does not predict pictures for {out}; type --out FILE.npz")
    if len(inputs) > 1:
        raise UsageProblemError(
            f"{out} can hold the prediction for only one photo; give one photo, or type --out FILE.npz"
        )


def _warn(file: DeliveredFile) -> None:
    """Warn about a file that failed its proof and was written with --keep-failed."""
    if file.failures:
        standard_error().print(
            f"warning: {file.path.name} failed its proof at the export: {file.failures[0]}", soft_wrap=True
        )


def _print_predictions(
    file: DeliveredFile, measured: Measurement, taken: Given, predictions: Sequence[Prediction], *, as_json: bool
) -> None:
    """Print the prediction for each sample, with its latency."""
    from export.cli.tables.predictions import print_prediction

    found = list(zip(taken.names, predictions, measured.milliseconds, strict=True))
    if as_json:
        kind = "photo" if taken.photo_sizes else "text" if taken.samples.source == "texts" else "sample"
        records = [{kind: name, **one.record, "milliseconds": time} for name, one, time in found]
        print_json({"file": file.path.name, "answers": records})
        return
    for name, one, time in found:
        print_prediction(name, file.path.name, time, one)


def _print_outputs(file: DeliveredFile, measured: Measurement, count: int, *, as_json: bool) -> None:
    """Print the range of every output."""
    from export.cli.tables.predictions import print_outputs

    facts = {
        "file": file.path.name,
        "samples": count,
        "p50_ms": measured.p50_ms,
        "outputs": [_output(name, values) for name, values in measured.real.items()],
    }
    if as_json:
        print_json(facts)
    else:
        print_outputs(facts)


def _write(out: Path, measured: Measurement, predictions: Sequence[Prediction] | None) -> None:
    """Write the picture of the only prediction, or the outputs.

    Raises:
        UsageProblemError: the file cannot be written.
    """
    import numpy as np

    if predictions is not None:
        (prediction,) = predictions
        assert prediction.picture is not None  # Checked by `_check_picture`.
        prediction.picture.write(out)
        return
    arrays: dict[str, Any] = dict(measured.real)
    try:
        with out.open("wb") as stream:  # Given a name, NumPy would append its own suffix.
            np.savez(stream, **arrays)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise UsageProblemError(
            f"cannot write {str(out)!r} ({error.strerror}); type a file name in an existing folder"
        ) from error


def _output(name: str, values: Any) -> dict[str, Any]:
    return {
        "name": name,
        "shape": list(values.shape),
        "min": float(values.min()),
        "max": float(values.max()),
        "mean": float(values.mean()),
    }
