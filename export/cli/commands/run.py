"""`zoo run DIR photo.jpg`: run a delivered file and print its predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from export.cli.console import print_json, standard_error, standard_output
from export.cli.text_answers import continue_texts, fill_texts, texts_of, translate_texts, warn_of_failures
from zoo.errors import UsageProblemError
from zoo.nearest_path import nearest

if TYPE_CHECKING:
    from export.analysis.tasks.prediction import Prediction
    from export.bundle.given import Given
    from export.bundle.predict import Reader
    from export.bundle.read import Delivered, DeliveredFile
    from export.runtime.run_file import Measurement

ARRAYS = (".npz", ".npy")
PICTURE = ".png"
KINDS = {"texts": "text", "sounds": "sound"}  # what a sample is called in JSON, by the source of the samples
SAMPLING = ("max_tokens", "temperature", "top_p", "seed")  # Options of networks that write a text.


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("inputs", metavar="PHOTO|SOUND|TEXT...", nargs=-1, required=True)
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
    """Run a delivered file on photos, .wav files or texts, without TensorFlow; some networks write texts.

    Quote a text, or give a .txt with one text per line. Instead, give one .npz or .npy with the inputs of any model.
    """
    from export.bundle import fill, generate, predict, translate
    from export.bundle.read import read
    from export.runtime.sampling import Sampling

    if out is not None:
        _check_out(out)
    delivered = read(folder)
    file = predict.choose(delivered, name)
    arrays = [path for path in map(Path, inputs) if path.suffix in ARRAYS and "\n" not in str(path)]
    if arrays and len(inputs) > 1:
        raise UsageProblemError(
            f"{arrays[0].name} cannot be combined with other inputs; give one .npz or .npy, or only photos or texts"
        )
    writers = {generate.TASK: continue_texts, translate.TASK: translate_texts}
    write = writers.get(delivered.task)
    if write is not None and not arrays and out is None:
        sampling = Sampling(most=max_tokens, temperature=temperature, top_p=top_p, seed=seed)
        write(delivered, file, texts_of(inputs), sampling, as_json=as_json)
        return
    reason = "does not write a text" if write is None else "writes no text for arrays or with --out"
    _check_no_sampling(f"{delivered.name} {reason}")
    if delivered.task == fill.TASK and not arrays and out is None:
        fill_texts(delivered, file, texts_of(inputs), top, as_json=as_json)
        return
    picture = out is not None and out.suffix == PICTURE
    taken = _given(delivered, file, inputs, arrays)
    reader = predict.reader(delivered, file, photos=bool(taken.photo_sizes)) if out is None or picture else None
    if picture:
        _check_picture(reader, file, inputs, out)
    measured = predict.run(file, taken.samples)
    predictions = reader.read(measured, taken, top) if reader else None
    warn_of_failures(file)
    if out is not None:
        _write(out, measured, predictions)
    if predictions is None:
        _print_outputs(file, measured, len(taken.samples), as_json=as_json)
    else:
        _print_predictions(file, measured, taken, predictions, as_json=as_json)
    if out is not None and not as_json:
        standard_output().print(f"written: {out}", soft_wrap=True)


def _check_out(out: Path) -> None:
    """Check that a file can be written, before the model runs.

    Raises:
        UsageProblemError: it cannot.
    """
    if out.is_dir():
        raise UsageProblemError(f"cannot write {str(out)!r}, which is a folder; type a file name in it")
    if not out.absolute().parent.is_dir():
        close = nearest(out.parent) or "; type a file name in an existing folder"
        raise UsageProblemError(f"cannot write {str(out)!r}: there is no folder {str(out.parent)!r}{close}")


def _check_no_sampling(reason: str) -> None:
    """Check that no option was typed that only the writing of a text has.

    Raises:
        UsageProblemError: one was; the message begins with the reason.
    """
    source = click.get_current_context().get_parameter_source
    typed = [f"--{name.replace('_', '-')}" for name in SAMPLING if source(name) is ParameterSource.COMMANDLINE]
    if typed:
        raise UsageProblemError(f"{reason}; leave out {', '.join(typed)}")


def _given(delivered: Delivered, file: DeliveredFile, inputs: Sequence[str], arrays: Sequence[Path]) -> Given:
    """Return what the file is run on: an array, sounds or texts if the model takes them, otherwise photos."""
    from export.bundle import given
    from zoo.inputs import sound_of, tokenizer_of

    if arrays:
        return given.from_arrays(delivered, file, arrays[0])
    if delivered.texts:
        return given.from_ruled_texts(delivered, file, texts_of(inputs))
    if sound_of(delivered.inputs) is not None:
        return _with_warnings(given.from_sounds(delivered, file, [Path(one) for one in inputs]))
    if not tokenizer_of(delivered.inputs):
        return given.from_photos(delivered, file, [Path(one) for one in inputs])
    return _with_warnings(given.from_texts(delivered, file, texts_of(inputs)))


def _with_warnings(taken: Given) -> Given:
    """Return the samples after printing what was left out of them."""
    for warning in taken.samples.warnings:
        standard_error().print(f"warning: {warning}", soft_wrap=True)
    return taken


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


def _print_predictions(
    file: DeliveredFile, measured: Measurement, taken: Given, predictions: Sequence[Prediction], *, as_json: bool
) -> None:
    """Print the prediction for each sample, with its latency."""
    from export.cli.tables.predictions import print_prediction

    found = list(zip(taken.names, predictions, measured.milliseconds, strict=True))
    if as_json:
        kind = "photo" if taken.photo_sizes else KINDS.get(taken.samples.source, "sample")
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
