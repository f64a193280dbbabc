"""What a delivered detector sees in photos, as a device would: its manifest says what its numbers mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calibration.photo_file import read_photo
from export.bundle.predict import names_of_classes, photo_samples, run
from export.bundle.read import Delivered, DeliveredFile
from zoo.detection.boxes import on_photo
from zoo.detection.heads import Detection
from zoo.detection.suppression import detect
from zoo.errors import CheckFailedError

THRESHOLD = 0.25  # of the score, as Darknet's for what is shown to people


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """One object: its class, how sure the network is (0 to 1), and its box: left, top, right, bottom, in pixels."""

    index: int
    name: str
    score: float
    box: tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a file sees in one photo, the surest object first, and the time of the inference alone."""

    photo: str
    objects: tuple[Sighting, ...]
    milliseconds: float


def see(delivered: Delivered, file: DeliveredFile, photos: Sequence[Path], top: int) -> list[Seen]:
    """Return at most `top` objects of every photo.

    Raises:
        UsageProblemError: a photo that cannot be read, or a model that is no detector.
        CheckFailedError: the file has other outputs than its manifest says.
    """
    meaning = delivered.detection
    assert meaning is not None  # who calls has asked
    labels = names_of_classes(delivered, meaning.classes)
    measured = run(file, photo_samples(delivered, file, photos))
    if missing := {head.output for head in meaning.heads} - set(measured.real):
        raise CheckFailedError(f"{file.path.name} has no output {sorted(missing)[0]!r}, which its manifest explains")
    return [
        Seen(
            photo=str(path),
            objects=_objects(
                {name: values[index] for name, values in measured.real.items()}, meaning, labels, path, top
            ),
            milliseconds=time,
        )
        for index, (path, time) in enumerate(zip(photos, measured.milliseconds, strict=True))
    ]


def _objects(
    outputs: dict[str, NDArray[np.float64]], meaning: Detection, labels: Sequence[str], photo: Path, top: int
) -> tuple[Sighting, ...]:
    found = detect(outputs, meaning, threshold=THRESHOLD, most_objects=top)
    boxes = np.rint(on_photo(found.boxes, *read_photo(photo).size)).astype(int)
    return tuple(
        Sighting(index=int(label), name=labels[label], score=float(score), box=(left, top, right, bottom))
        for label, score, (left, top, right, bottom) in zip(found.classes, found.scores, boxes.tolist(), strict=True)
    )
