"""Run a delivered file as a device would: preprocess photos and interpret outputs as its manifest describes."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calibration import random_inputs
from calibration.inputs import InputSpec, describe
from calibration.photo_file import BadPhotoError, read_photo
from calibration.samples import Samples
from calibration.sources.arrays import open_arrays
from calibration.sources.request import Request
from export.analysis.tasks.classification.outputs import Guess, best
from export.bundle.read import Delivered, DeliveredFile
from export.bundle.write import LABELS
from export.formats import PRIMARY
from export.runtime.run_file import Measurement, measure
from export.scheme import INT8
from zoo import inputs
from zoo.errors import CheckFailedError, UsageProblemError, unknown

MAX_ROWS = 100_000
# The default file, if the export contains it: usually the fastest on a device.
PREFERRED = (PRIMARY.name, INT8)


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The prediction for one photo: the most probable classes in order, and the latency of the inference."""

    photo: str
    guesses: tuple[Guess, ...]
    milliseconds: float


def choose(delivered: Delivered, name: str | None) -> DeliveredFile:
    """Return the file with that name; without a name, the int8 file in the primary format or else the first file.

    Raises:
        UsageProblemError: the folder has no such file, or no model file.
        CheckFailedError: the file differs from the exported one.
    """
    files = {file.path.name: file for file in delivered.files}
    if not files:
        raise UsageProblemError(f"{str(delivered.folder)!r} contains no model file; export the model again")
    if name is not None and name not in files:
        raise unknown("file", name, files)
    preferred = (file for file in delivered.files if (file.format, file.scheme) == PREFERRED)
    chosen = files[name] if name is not None else next(preferred, delivered.files[0])
    if trouble := chosen.damage():
        raise CheckFailedError(f"{chosen.path}: {trouble}; see: zoo verify {delivered.folder}")
    return chosen


def classify(delivered: Delivered, file: DeliveredFile, photos: Sequence[Path], top: int) -> list[Prediction]:
    """Return the `top` most probable classes of every photo.

    Raises:
        UsageProblemError: a photo cannot be read, or the model does not classify photos.
    """
    labels = names_of_classes(delivered, file.outputs[0].shape[1])
    measured = run(file, photo_samples(delivered, file, photos))
    (scores,) = measured.real.values()
    return [
        Prediction(photo=str(path), guesses=best(row, labels, top), milliseconds=time)
        for path, row, time in zip(photos, scores, measured.milliseconds, strict=True)
    ]


def run(file: DeliveredFile, samples: Samples) -> Measurement:
    """Run the file on the samples in a child process.

    Raises:
        RuntimeCrashError: the runtime cannot load or run the file.
    """
    with tempfile.TemporaryDirectory(prefix="zoo-export-") as folder:
        samples.save(Path(folder))
        return measure(file.path, Path(folder), camera_bytes=file.takes_camera_bytes)


def classifies(file: DeliveredFile) -> bool:
    """Return whether the file has a single output (N, classes)."""
    return len(file.outputs) == 1 and len(file.outputs[0].shape) == 2 and file.outputs[0].shape[1] > 1


def photo_samples(delivered: Delivered, file: DeliveredFile, photos: Sequence[Path]) -> Samples:
    """Return photos as model inputs: resized, cropped and normalised as the manifest describes.

    Generated inputs such as noise use the seed 0, so that the same photos give the same outputs.

    Raises:
        UsageProblemError: the model does not take photos, or a photo cannot be read.
    """
    preprocessing = delivered.preprocessing
    generated = inputs.made_up(delivered.inputs)
    given = [spec for spec in file.inputs if spec.name not in generated]
    if preprocessing is None or len(given) != 1:
        raise UsageProblemError(
            f"the preprocessing of {delivered.name} is unknown: give an .npz with {describe(specs(file))}"
        )
    if preprocessing.shape != given[0].shape[1:]:
        raise UsageProblemError(
            f"the manifest's preprocessing gives photos of {preprocessing.shape}, but {file.path.name} takes "
            f"{given[0].shape[1:]}; export the model again"
        )
    stacked = np.stack([preprocessing.photo(_photo(path)) for path in photos])
    generator = np.random.default_rng(0)
    rows = [random_inputs.values(specs(file), generated, generator) for _ in photos]
    arrays = {given[0].name: preprocessing.normalise(stacked)}
    arrays |= {name: np.stack([row[name] for row in rows]) for name in generated}
    return Samples(inputs=arrays, photos=stacked, source="photos", seed=0)


def array_samples(delivered: Delivered, file: DeliveredFile, path: Path) -> Samples:
    """Return all rows of an .npz or .npy.

    Raises:
        UsageProblemError: the file cannot be read, or its names, shapes or types do not fit the model.
    """
    request = Request(inputs=specs(file), contracts=delivered.inputs, counts=(MAX_ROWS, 0), seed=0)
    stream = open_arrays(path, request)
    assert not isinstance(stream.samples, tuple)  # A tuple would be two sets; a file contains only one.
    rows = list(stream.samples)
    photos = np.stack([row.photo for row in rows if row.photo is not None]) if stream.photos else None
    arrays = {name: np.stack([row.inputs[name] for row in rows]) for name in request.inputs}
    return Samples(inputs=arrays, photos=photos, source=stream.source, seed=0)


def specs(file: DeliveredFile) -> dict[str, InputSpec]:
    """Return the inputs of the model, in float32 where the file takes quantized values."""
    return {
        spec.name: InputSpec(shape=spec.shape[1:], dtype=spec.dtype if spec.scale is None else "float32")
        for spec in file.inputs
    }


def names_of_classes(delivered: Delivered, count: int) -> tuple[str, ...]:
    """Return a name for each of `count` classes; "class 7" if the export has no names.

    Raises:
        UsageProblemError: the file of names does not have `count` names.
    """
    if LABELS not in delivered.companions:
        return tuple(f"class {index}" for index in range(count))
    labels = delivered.labels
    if len(labels) != count:
        raise UsageProblemError(
            f"{delivered.folder / LABELS} contains {len(labels)} names for {count} classes: the file is missing or was "
            "changed; export the model again"
        )
    return labels


def _photo(path: Path) -> Any:
    if path.is_dir():
        raise UsageProblemError(f"{str(path)!r} is a folder; type photos, for example {path}/*.jpg")
    if not path.exists():
        raise UsageProblemError(f"there is no photo {str(path)!r}; type the path of a photo")
    try:
        return read_photo(path)
    except BadPhotoError as error:
        raise UsageProblemError(f"{str(path)!r} cannot be read as a photo: {error}") from error
