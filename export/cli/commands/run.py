"""`zoo run DIR photo.jpg`: run a delivered file and print its predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from export.cli.console import print_json, standard_error, standard_output
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from export.bundle.read import Delivered, DeliveredFile

ARRAYS = (".npz", ".npy")
MASK = ".png"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("inputs", metavar="PHOTO...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--file", "name", metavar="NAME", help="File of FOLDER to run; default: the int8 .tflite.")
@click.option(
    "--top", default=5, show_default=True, type=click.IntRange(min=1), help="Number of classes or objects to print."
)
@click.option(
    "--out",
    metavar="FILE.npz|FILE.png",
    type=click.Path(path_type=Path),
    help="Write the outputs as real values; for a .png, write the segmentation mask.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(
    folder: Path, inputs: tuple[Path, ...], name: str | None, top: int, out: Path | None, as_json: bool
) -> None:
    """Run a delivered file on photos, without TensorFlow.

    Instead of photos, give one .npz or .npy with the inputs of any model.
    """
    from export.bundle import predict, predict_masks
    from export.bundle.read import read

    delivered = read(folder)
    file = predict.choose(delivered, name)
    arrays = [path for path in inputs if path.suffix in ARRAYS]
    if arrays and len(inputs) > 1:
        raise UsageProblemError(
            f"{arrays[0].name} cannot be combined with other inputs; give one .npz or .npy, or only photos"
        )
    if delivered.detection is not None and not arrays and out is None:
        _run_detector(delivered, file, inputs, top, as_json)
        return
    masked = out is not None and out.suffix == MASK
    if not arrays and (out is None or masked) and predict_masks.segments(delivered, file):
        _run_segmenter(delivered, file, inputs, top, out, as_json)
        return
    if masked:
        raise UsageProblemError(f"{file.path.name} does not predict masks for {out}; type --out FILE.npz")
    if arrays or out is not None or not predict.classifies(file):
        _run_any(delivered, file, inputs, out, as_json)
        return
    _run_classifier(delivered, file, inputs, top, as_json)


def _warn(file: DeliveredFile) -> None:
    """Warn about a file that failed its proof and was written with --keep-failed."""
    if file.failures:
        standard_error().print(
            f"warning: {file.path.name} failed its proof at the export: {file.failures[0]}", soft_wrap=True
        )


def _run_classifier(delivered: Delivered, file: DeliveredFile, photos: Sequence[Path], top: int, as_json: bool) -> None:
    """Print the most probable classes of every photo."""
    from export.bundle import predict
    from export.cli.tables.predictions import print_shares

    predictions = predict.classify(delivered, file, photos, top)
    _warn(file)
    if as_json:
        print_json({"file": file.path.name, "answers": [asdict(one) for one in predictions]})
        return
    for one in predictions:
        shares = [(guess.probability, guess.name) for guess in one.guesses]
        print_shares(one.photo, file, one.milliseconds, shares)


def _run_segmenter(
    delivered: Delivered, file: DeliveredFile, photos: Sequence[Path], top: int, out: Path | None, as_json: bool
) -> None:
    """Print the area of every class in the photos, and write the mask of one photo."""
    from export.analysis.tasks.segmentation.outputs import write_mask
    from export.bundle import predict_masks
    from export.cli.tables.predictions import print_shares

    if out is not None and len(photos) > 1:
        raise UsageProblemError(f"{out} can hold the mask of only one photo; give one photo, or type --out FILE.npz")
    found = predict_masks.segment(delivered, file, photos, top)
    _warn(file)
    if out is not None:
        write_mask(out, found[0].mask)
    if as_json:
        facts = [
            {"photo": one.photo, "areas": [asdict(area) for area in one.areas], "milliseconds": one.milliseconds}
            for one in found
        ]
        print_json({"file": file.path.name, "answers": facts})
        return
    for one in found:
        print_shares(one.photo, file, one.milliseconds, [(area.share, area.name) for area in one.areas])
    if out is not None:
        standard_output().print(f"written: {out}", soft_wrap=True)


def _run_detector(delivered: Delivered, file: DeliveredFile, photos: Sequence[Path], top: int, as_json: bool) -> None:
    """Print the detected objects of every photo, with their boxes."""
    from export.bundle import predict_boxes
    from export.cli.tables.predictions import print_seen

    found = predict_boxes.see(delivered, file, photos, top)
    _warn(file)
    if as_json:
        print_json({"file": file.path.name, "answers": [asdict(one) for one in found]})
        return
    for one in found:
        print_seen(one, file)


def _run_any(
    delivered: Delivered, file: DeliveredFile, inputs: Sequence[Path], out: Path | None, as_json: bool
) -> None:
    """Run a file that does not classify photos, and print the range of every output."""
    from export.bundle import predict
    from export.cli.tables.predictions import print_outputs

    if inputs[0].suffix in ARRAYS:
        samples = predict.array_samples(delivered, file, inputs[0])
    else:
        samples = predict.photo_samples(delivered, file, inputs)
    measured = predict.run(file, samples)
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
    print_outputs(facts)
    if out is not None:
        standard_output().print(f"written: {out}", soft_wrap=True)


def _write(out: Path, outputs: Mapping[str, Any]) -> None:
    import numpy as np

    arrays: dict[str, Any] = dict(outputs)
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
