"""Run a delivered detector on photos, and decode its outputs as its manifest describes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from calibration.photo_file import read_photo
from export.analysis.tasks.detection.outputs import DetectedObject, objects
from export.bundle.predict import names_of_classes, photo_samples, run
from export.bundle.read import Delivered, DeliveredFile
from zoo.errors import CheckFailedError


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The objects in one photo by descending score, and the latency of the inference."""

    photo: str
    objects: tuple[DetectedObject, ...]
    milliseconds: float


def see(delivered: Delivered, file: DeliveredFile, photos: Sequence[Path], top: int) -> list[Seen]:
    """Return at most `top` objects of every photo.

    Raises:
        UsageProblemError: a photo cannot be read.
        CheckFailedError: an output that the manifest describes is missing.
    """
    meaning = delivered.detection
    assert meaning is not None  # The caller has checked that the model is a detector.
    labels = names_of_classes(delivered, meaning.classes)
    measured = run(file, photo_samples(delivered, file, photos))
    if missing := {head.output for head in meaning.heads} - set(measured.real):
        raise CheckFailedError(
            f"{file.path.name} has no output {sorted(missing)[0]!r}, which its manifest describes; export it again"
        )
    return [
        Seen(
            photo=str(path),
            objects=objects(
                {name: values[index] for name, values in measured.real.items()},
                meaning,
                labels,
                read_photo(path).size,
                top,
            ),
            milliseconds=time,
        )
        for index, (path, time) in enumerate(zip(photos, measured.milliseconds, strict=True))
    ]
