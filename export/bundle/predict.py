"""Using a delivered file as a device would: its manifest says how a photo is fed and what the answer means."""

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
# What the fastest device file is; an export may lack it.
PREFERRED = (PRIMARY.name, INT8)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a file says of one photo: the best classes first, and the time of the inference alone."""

    photo: str
    guesses: tuple[Guess, ...]
    milliseconds: float


def choose(delivered: Delivered, name: str | None) -> DeliveredFile:
    """Return the file of that name, or the preferred one, or the first there is.

    Raises:
        UsageProblemError: the folder has no such file, or none.
        CheckFailedError: the file is not the one that was exported.
    """
    files = {file.path.name: file for file in delivered.files}
    if not files:
        raise UsageProblemError(f"{str(delivered.folder)!r} holds no model file; export the model again")
    if name is not None and name not in files:
        raise unknown("file", name, files)
    preferred = (file for file in delivered.files if (file.format, file.scheme) == PREFERRED)
    chosen = files[name] if name is not None else next(preferred, delivered.files[0])
    if trouble := chosen.damage():
        raise CheckFailedError(f"{chosen.path}: {trouble}; see: zoo verify {delivered.folder}")
    return chosen


def classify(delivered: Delivered, file: DeliveredFile, photos: Sequence[Path], top: int) -> list[Answer]:
    """Return the `top` classes of every photo.

    Raises:
        UsageProblemError: a photo that cannot be read, or a model that does not classify photos.
    """
    labels = names_of_classes(delivered, file.outputs[0].shape[1])
    measured = run(file, photo_samples(delivered, file, photos))
    (scores,) = measured.real.values()
    return [
        Answer(photo=str(path), guesses=best(row, labels, top), milliseconds=time)
        for path, row, time in zip(photos, scores, measured.milliseconds, strict=True)
    ]


def run(file: DeliveredFile, samples: Samples) -> Measurement:
    """Return what the file says of the samples; it runs in a child process.

    Raises:
        RuntimeCrashError: the runtime cannot load or run it.
    """
    with tempfile.TemporaryDirectory(prefix="zoo-export-") as folder:
        samples.save(Path(folder))
        return measure(file.path, Path(folder), camera_bytes=file.takes_camera_bytes)


def classifies(file: DeliveredFile) -> bool:
    """Whether the file has one output, a row of classes."""
    return len(file.outputs) == 1 and len(file.outputs[0].shape) == 2 and file.outputs[0].shape[1] > 1


def photo_samples(delivered: Delivered, file: DeliveredFile, photos: Sequence[Path]) -> Samples:
    """Return photos as the file takes them: resized, cropped and normalised as its manifest says.

    What is made up beside a photo has the seed 0: the same photos give the same outputs.

    Raises:
        UsageProblemError: the model takes no photos, or one cannot be read.
    """
    preprocessing = delivered.preprocessing
    beside = inputs.made_up(delivered.inputs)
    given = [spec for spec in file.inputs if spec.name not in beside]
    if preprocessing is None or len(given) != 1:
        raise UsageProblemError(
            f"how {delivered.name} takes photos is not known: give an .npz with {describe(specs(file))}"
        )
    if preprocessing.shape != given[0].shape[1:]:
        raise UsageProblemError(
            f"the manifest's preprocessing gives photos of {preprocessing.shape}, {file.path.name} takes "
            f"{given[0].shape[1:]}; export the model again"
        )
    stacked = np.stack([preprocessing.photo(_photo(path)) for path in photos])
    generator = np.random.default_rng(0)
    rows = [random_inputs.values(specs(file), beside, generator) for _ in photos]
    arrays = {given[0].name: preprocessing.normalise(stacked)}
    arrays |= {name: np.stack([row[name] for row in rows]) for name in beside}
    return Samples(inputs=arrays, photos=stacked, source="photos", seed=0)


def array_samples(delivered: Delivered, file: DeliveredFile, path: Path) -> Samples:
    """Return all rows of an .npz or .npy.

    Raises:
        UsageProblemError: a file that cannot be read, or names, shapes or types that the model does not take.
    """
    request = Request(inputs=specs(file), contracts=delivered.inputs, counts=(MAX_ROWS, 0), seed=0)
    stream = open_arrays(path, request)
    assert not isinstance(stream.samples, tuple)  # that is two sets, which a file does not hold
    rows = list(stream.samples)
    photos = np.stack([row.photo for row in rows if row.photo is not None]) if stream.photos else None
    arrays = {name: np.stack([row.inputs[name] for row in rows]) for name in request.inputs}
    return Samples(inputs=arrays, photos=photos, source=stream.source, seed=0)


def specs(file: DeliveredFile) -> dict[str, InputSpec]:
    """Return what the model takes, in real numbers where the file stores steps."""
    return {
        spec.name: InputSpec(shape=spec.shape[1:], dtype=spec.dtype if spec.scale is None else "float32")
        for spec in file.inputs
    }


def names_of_classes(delivered: Delivered, count: int) -> tuple[str, ...]:
    """Return a name for each of `count` classes; "class 7" where the export knew no names.

    Raises:
        UsageProblemError: the file of names has another number of them.
    """
    if LABELS not in delivered.companions:
        return tuple(f"class {index}" for index in range(count))
    labels = delivered.labels
    if len(labels) != count:
        raise UsageProblemError(
            f"{delivered.folder / LABELS} holds {len(labels)} names for {count} classes: it is missing or was changed; "
            "export the model again"
        )
    return labels


def _photo(path: Path) -> Any:
    if path.is_dir():
        raise UsageProblemError(f"{str(path)!r} is a folder; type photos, for example {path}/*.jpg")
    if not path.exists():
        raise UsageProblemError(f"there is no photo {str(path)!r}")
    try:
        return read_photo(path)
    except BadPhotoError as error:
        raise UsageProblemError(f"{str(path)!r} cannot be read as a photo: {error}") from error
