"""Non-maximum suppression: of predictions that overlap, keep the best one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.detection.boxes import overlap
from zoo.detection.decoding import Candidates, Floats, decode
from zoo.detection.heads import Detection

# Settings of Darknet and COCO for a measurement of AP; for people to look at, a threshold of 0.25 is usual.
THRESHOLD, MOST_OVERLAP, MOST_OBJECTS = 0.001, 0.45, 100


@dataclass(frozen=True, kw_only=True, eq=False)
class Objects:
    """The objects found in one photo, the best score first.

    Attributes:
        boxes: (K, 4) left, top, right, bottom, as shares of the photo's width and height.
        scores: (K,) 0 to 1.
        classes: (K,) indices.
    """

    boxes: Floats
    scores: Floats
    classes: NDArray[np.int64]


def detect(
    outputs: Mapping[str, NDArray[np.generic]],
    detection: Detection,
    *,
    threshold: float = THRESHOLD,
    most_overlap: float = MOST_OVERLAP,
    most_objects: int = MOST_OBJECTS,
) -> Objects:
    """Return the objects in one photo, from raw outputs (rows, columns, channels) by name; see `suppress`."""
    return suppress(decode(outputs, detection), threshold, most_overlap, most_objects)


def suppress(
    candidates: Candidates,
    threshold: float = THRESHOLD,
    most_overlap: float = MOST_OVERLAP,
    most_objects: int = MOST_OBJECTS,
) -> Objects:
    """Return the candidates that no better one of the same class overlaps, clipped to the photo.

    A candidate may be of several classes: each class has a score of its own (section 2.2 of the paper on YOLOv3).

    Args:
        candidates: of one photo.
        threshold: of the score; candidates at or below it are dropped.
        most_overlap: intersection over union above which two boxes count as the same object.
        most_objects: limit; the best ones are kept.
    """
    rows, classes = np.nonzero(candidates.scores > threshold)
    scores = candidates.scores[rows, classes]
    boxes = candidates.boxes[rows]
    kept = [
        indices[_greedy(boxes[indices], scores[indices], most_overlap, most_objects)]
        for indices in (np.flatnonzero(classes == one) for one in np.unique(classes))
    ]
    best = np.concatenate(kept) if kept else np.zeros(0, np.int64)
    best = best[np.argsort(-scores[best], kind="stable")][:most_objects]
    return Objects(boxes=np.clip(boxes[best], 0, 1), scores=scores[best], classes=classes[best])


def _greedy(boxes: Floats, scores: Floats, most_overlap: float, most: int) -> NDArray[np.int64]:
    """Return the indices of the boxes of one class that stay: the best, then the best that overlaps none of those."""
    left = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(left) and len(kept) < most:
        best, left = left[0], left[1:]
        kept.append(int(best))
        left = left[overlap(boxes[best : best + 1], boxes[left])[0] <= most_overlap]
    return np.array(kept, np.int64)
