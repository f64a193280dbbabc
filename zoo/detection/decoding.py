"""From the raw outputs of YOLO's heads to boxes.

Redmon, Farhadi 2018, "YOLOv3: An Incremental Improvement", https://arxiv.org/abs/1804.02767, section 2.1. In a cell at
column i, row j, the numbers x, y, w, h, o and one c per class of an anchor (width, height) mean
  centre  (i + sigmoid(x), j + sigmoid(y)) * stride        size  (width * exp(w), height * exp(h))
  score of a class  sigmoid(o) * sigmoid(c): that there is an object, and that it belongs to this class.
YOLOv4 stretches the sigmoids of x and y about their middle by `scale_x_y`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.detection.heads import Detection, Head

Floats = NDArray[np.float64]
_LARGEST_POWER = 50.0  # larger powers are no realistic size of a box, and overflow


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates:
    """What every anchor of every cell predicts for one photo.

    Attributes:
        boxes: (M, 4) left, top, right, bottom, as shares of the photo's width and height.
        scores: (M, classes), 0 to 1.
    """

    boxes: Floats
    scores: Floats


def decode(outputs: Mapping[str, NDArray[np.generic]], detection: Detection) -> Candidates:
    """Return the predictions for one photo.

    Args:
        outputs: raw numbers (rows, columns, anchors * (5 + classes)) by name of the output.
        detection: how to decode them.

    Raises:
        ValueError: an output of another shape.
    """
    decoded = [_decode_head(outputs[head.output], head, detection) for head in detection.heads]
    boxes, scores = zip(*decoded, strict=True)
    return Candidates(boxes=np.concatenate(boxes), scores=np.concatenate(scores))


def _decode_head(raw: NDArray[np.generic], head: Head, detection: Detection) -> tuple[Floats, Floats]:
    numbers = 5 + detection.classes
    if raw.ndim != 3 or raw.shape[2] != len(head.anchors) * numbers:
        raise ValueError(
            f"output {head.output} has the shape {raw.shape}, not (rows, columns, {len(head.anchors)} x {numbers})"
        )
    rows, columns = raw.shape[:2]
    cells = raw.reshape(rows, columns, len(head.anchors), numbers).astype(np.float64)
    corner = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1)[:, :, None]  # (rows, columns, 1, 2)
    moved = detection.scale_x_y * (sigmoid(cells[..., :2]) - 0.5) + 0.5
    centres = (corner + moved) / (columns, rows)
    pixels = np.array([columns, rows]) * head.stride
    sizes = np.array(head.anchors) * np.exp(np.minimum(cells[..., 2:4], _LARGEST_POWER)) / pixels
    boxes = np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=-1)
    scores = sigmoid(cells[..., 4:5]) * sigmoid(cells[..., 5:])
    return boxes.reshape(-1, 4), scores.reshape(-1, detection.classes)


def sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)); as a tanh, which does not overflow."""
    half: Floats = 0.5 * np.tanh(0.5 * x) + 0.5
    return half
