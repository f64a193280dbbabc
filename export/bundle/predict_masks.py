"""Run a delivered segmentation model on photos, and return the class of each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.analysis.tasks.segmentation.outputs import Area, areas
from export.bundle.predict import names_of_classes, photo_samples, run
from export.bundle.read import Delivered, DeliveredFile
from zoo.errors import CheckFailedError


@dataclass(frozen=True, kw_only=True)
class Segmented:
    """The segmentation of one photo: areas in descending order, and the latency of the inference.

    Attributes:
        photo: the path of the photo.
        areas: the areas of the classes with at least one pixel.
        mask: the class of each pixel (height, width), in the size of the model's output.
        milliseconds: the latency of the inference.
    """

    photo: str
    areas: tuple[Area, ...]
    mask: NDArray[np.intp]
    milliseconds: float


def segments(delivered: Delivered, file: DeliveredFile) -> bool:
    """Return whether the file has a single output (N, H, W, classes) of the size of its input photo."""
    if delivered.preprocessing is None or len(file.outputs) != 1:
        return False
    shape = file.outputs[0].shape
    return len(shape) == 4 and shape[1:3] == delivered.preprocessing.shape[:2] and shape[3] > 1


def segment(delivered: Delivered, file: DeliveredFile, photos: Sequence[Path], top: int) -> list[Segmented]:
    """Return at most `top` areas of every photo, and its mask.

    Raises:
        UsageProblemError: a photo cannot be read.
        CheckFailedError: the outputs contain NaN or infinity.
    """
    labels = names_of_classes(delivered, file.outputs[0].shape[3])
    measured = run(file, photo_samples(delivered, file, photos))
    (scores,) = measured.real.values()
    if not np.isfinite(scores).all():
        raise CheckFailedError(f"the outputs of {file.path.name} contain NaN or infinity")
    masks = [row.argmax(-1) for row in scores]
    return [
        Segmented(photo=str(path), areas=areas(mask, labels, top), mask=mask, milliseconds=time)
        for path, mask, time in zip(photos, masks, measured.milliseconds, strict=True)
    ]
