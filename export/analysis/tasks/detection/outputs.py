"""Interpret the outputs of a detector: objects with class, score and box."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from export.analysis.tasks.prediction import Prediction, Row
from zoo.detection.boxes import on_photo
from zoo.detection.heads import Detection
from zoo.detection.suppression import detect

THRESHOLD = 0.25  # Minimum score of a printed object, as in Darknet.


@dataclass(frozen=True, kw_only=True)
class DetectedObject:
    """One object: its class, its score (0 to 1), and its box: left, top, right, bottom, in pixels of the photo."""

    index: int
    name: str
    score: float
    box: tuple[int, int, int, int]


def prediction(found: Sequence[DetectedObject]) -> Prediction:
    """Return the objects in one photo as a prediction."""
    return Prediction(
        record={"objects": [asdict(one) for one in found]},
        rows=tuple(Row(share=one.score, title=one.name, text=_place(one)) for one in found),
        nothing="no object detected",
    )


def _place(one: DetectedObject) -> str:
    left, top, right, bottom = one.box
    return f"x {left} to {right}, y {top} to {bottom}"


def objects(
    outputs: Mapping[str, NDArray[np.float64]],
    meaning: Detection,
    labels: Sequence[str],
    photo_size: tuple[int, int],
    top: int,
) -> tuple[DetectedObject, ...]:
    """Return at most `top` objects of one photo, the highest score first.

    Args:
        outputs: outputs of the heads without batch axis, by name.
        meaning: the meaning of the heads.
        labels: names of the classes.
        photo_size: width and height in pixels.
        top: maximum number of objects.
    """
    found = detect(dict(outputs), meaning, threshold=THRESHOLD, most_objects=top)
    boxes = np.rint(on_photo(found.boxes, *photo_size)).astype(int)
    return tuple(
        DetectedObject(index=int(label), name=labels[label], score=float(score), box=(left, top, right, bottom))
        for label, score, (left, top, right, bottom) in zip(found.classes, found.scores, boxes.tolist(), strict=True)
    )
