"""Training targets: what the heads of a detector should predict for a photo.

Redmon, Farhadi 2018, https://arxiv.org/abs/1804.02767, section 2.1: one cell, that of its centre, and the most similar
anchor predict each object. Bochkovskiy, Wang, Liao 2020, https://arxiv.org/abs/2004.10934,
section 3.3: so do all other anchors that are similar enough, with which a network learns faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.detection.boxes import Floats, overlap
from zoo.detection.heads import Detection, Head
from zoo.detection.truth import Truth

ALIKE = 0.4  # overlap of an anchor with an object from which on it is trained to predict it
# Along the last axis of a target; then one number per class.
X, Y, WIDTH, HEIGHT, OBJECT, BOX_WEIGHT, CLASSES = range(7)


def encode(truth: Sequence[Truth], detection: Detection, resolution: int) -> list[NDArray[np.float32]]:
    """Return a target (N, rows, columns, anchors, 6 + classes) for every head.

    Along the last axis: the centre's place in its cell (0 to 1) and the logarithm of the size over the anchor's; 1
    where there is an object; the weight of the box, larger for smaller boxes, whose errors are smaller; and a 1
    for the class.
    """
    targets = [_empty(len(truth), head, detection, resolution) for head in detection.heads]
    for index, one in enumerate(truth):
        for box, label in zip(one.boxes, one.classes, strict=True):
            likeness = [_likeness(box[2:] - box[:2], head, resolution) for head in detection.heads]
            best = max(map(np.max, likeness))
            for head, target, alike in zip(detection.heads, targets, likeness, strict=True):
                row, column, place = _cell(box, target)
                for anchor in np.flatnonzero((alike == best) | (alike > ALIKE)):
                    values = _values(box, label, place, head.anchors[anchor], resolution, target.shape[-1])
                    target[index, row, column, anchor] = values
    return targets


def _empty(count: int, head: Head, detection: Detection, resolution: int) -> NDArray[np.float32]:
    side = resolution // head.stride
    return np.zeros((count, side, side, len(head.anchors), CLASSES + detection.classes), np.float32)


def _likeness(size: Floats, head: Head, resolution: int) -> Floats:
    """Return the overlap of a box of that size with each anchor (anchors,), with a common centre."""
    sizes = np.concatenate([size[None] * resolution, np.array(head.anchors, np.float64)])
    boxes = np.concatenate([-sizes / 2, sizes / 2], axis=1)
    alike: Floats = overlap(boxes[:1], boxes[1:])[0]
    return alike


def _cell(box: Floats, target: NDArray[np.float32]) -> tuple[int, int, Floats]:
    """Return the row and column of the cell of a box's centre, and the place in the cell, x before y."""
    shape = np.array([target.shape[2], target.shape[1]])
    centre = (box[:2] + box[2:]) / 2 * shape
    cell = np.minimum(centre.astype(np.int64), shape - 1)
    return int(cell[1]), int(cell[0]), centre - cell


def _values(box: Floats, label: int, place: Floats, anchor: Any, resolution: int, length: int) -> NDArray[np.float32]:
    size = box[2:] - box[:2]
    values = np.zeros(length, np.float32)
    values[[X, Y]] = place
    values[[WIDTH, HEIGHT]] = np.log(size * resolution / np.array(anchor))
    values[[OBJECT, CLASSES + int(label)]] = 1
    values[BOX_WEIGHT] = 2 - np.prod(size)
    return values
