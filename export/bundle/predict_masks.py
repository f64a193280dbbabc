"""Which class a delivered segmenter gives to each pixel of photos, as a device would."""

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
    """What a file makes of one photo: the largest areas first, and the time of the inference alone.

    Attributes:
        photo: its path as given.
        areas: of the classes that at least one pixel is of.
        mask: (height, width) of the model's output, the class of each pixel.
        milliseconds: of the inference.
    """

    photo: str
    areas: tuple[Area, ...]
    mask: NDArray[np.intp]
    milliseconds: float


def segments(delivered: Delivered, file: DeliveredFile) -> bool:
    """Whether the file has one output: a row of classes for each pixel of the photo that it takes."""
    if delivered.preprocessing is None or len(file.outputs) != 1:
        return False
    shape = file.outputs[0].shape
    return len(shape) == 4 and shape[1:3] == delivered.preprocessing.shape[:2] and shape[3] > 1


def segment(delivered: Delivered, file: DeliveredFile, photos: Sequence[Path], top: int) -> list[Segmented]:
    """Return at most `top` areas of every photo, and its mask.

    Raises:
        UsageProblemError: a photo that cannot be read.
        CheckFailedError: an answer that is not finite.
    """
    labels = names_of_classes(delivered, file.outputs[0].shape[3])
    measured = run(file, photo_samples(delivered, file, photos))
    (scores,) = measured.real.values()
    if not np.isfinite(scores).all():
        raise CheckFailedError(f"{file.path.name} answers with NaN or infinity")
    masks = [row.argmax(-1) for row in scores]
    return [
        Segmented(photo=str(path), areas=areas(mask, labels, top), mask=mask, milliseconds=time)
        for path, mask, time in zip(photos, masks, measured.milliseconds, strict=True)
    ]
