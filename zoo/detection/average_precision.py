"""Average precision, the metric of detectors, as COCO defines it.

Lin et al. 2014, "Microsoft COCO: Common Objects in Context", https://arxiv.org/abs/1405.0312, and
https://cocodataset.org/#detection-eval. Its authors' program, pycocotools, computes it; what
that prints is suppressed.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.detection.boxes import Floats, areas
from zoo.detection.suppression import Objects
from zoo.detection.truth import Truth


def average_precision(found: Sequence[Objects], truth: Sequence[Truth]) -> dict[str, float]:
    """Return "ap", the mean over overlaps of .5, .55 to .95, and "ap50", that of .5, over the classes in `truth`.

    Boxes are shares of their photo in both: overlaps are the same numbers in pixels.

    Args:
        found: objects found in each photo.
        truth: true objects of each photo, in the same order.

    Raises:
        ValueError: the numbers of photos differ, there is no true object, or a value is not finite.
    """
    from pycocotools.cocoeval import COCOeval

    if len(found) != len(truth):
        raise ValueError(f"objects were found in {len(found)} photos, the truth is of {len(truth)}")
    if not any((~one.crowds).any() for one in truth):
        raise ValueError("the truth holds no object, so nothing can be found")
    for one in found:
        if not (np.isfinite(one.boxes).all() and np.isfinite(one.scores).all()):
            raise ValueError("a box or a score is not finite")
    if not all(np.isfinite(one.boxes).all() for one in truth):
        raise ValueError("a true box is not finite")
    with contextlib.redirect_stdout(io.StringIO()):
        counting = COCOeval(_true_boxes(truth), _found_boxes(found, truth), "bbox")
        counting.evaluate()
        counting.accumulate()
    # (overlaps, recalls, classes, areas, numbers of boxes): all areas, 100 boxes; -1 where a class has no object.
    precision = counting.eval["precision"][:, :, :, 0, -1]
    return {"ap": _mean(precision), "ap50": _mean(precision[0])}


def _mean(precision: Any) -> float:
    return float(precision[precision > -1].mean())


def _true_boxes(truth: Sequence[Truth]) -> Any:
    rows = [
        {**_row(index, box, label), "iscrowd": int(crowd)}
        for index, one in enumerate(truth)
        for box, label, crowd in zip(one.boxes, one.classes, one.crowds, strict=True)
    ]
    return _indexed(rows, truth, {row["category_id"] for row in rows})


def _found_boxes(found: Sequence[Objects], truth: Sequence[Truth]) -> Any:
    rows = [
        {**_row(index, box, label), "iscrowd": 0, "score": float(score)}
        for index, one in enumerate(found)
        for box, label, score in zip(one.boxes, one.classes, one.scores, strict=True)
    ]
    return _indexed(rows, truth, {row["category_id"] for row in rows})


def _row(image: int, box: Floats, label: int) -> dict[str, Any]:
    """Return a box as COCO's JSON has it: left, top, width, height."""
    left, top, right, bottom = map(float, box)
    return {
        "image_id": image,
        "category_id": int(label),
        "bbox": [left, top, right - left, bottom - top],
        "area": float(areas(box)),
    }


def _indexed(rows: list[dict[str, Any]], truth: Sequence[Truth], classes: set[int]) -> Any:
    """Return pycocotools' index of boxes; it takes identifier 0 for no box, so they start at 1."""
    from pycocotools.coco import COCO

    index = COCO()
    index.dataset = {
        "images": [{"id": number} for number in range(len(truth))],
        "annotations": [{**row, "id": number} for number, row in enumerate(rows, start=1)],
        "categories": [{"id": one} for one in sorted(classes)],
    }
    index.createIndex()
    return index
