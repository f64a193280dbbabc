"""Decodes photo files once into a memory-mapped array, for any number of epochs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from calibration.photo_file import BadPhotoError, read_photo
from calibration.sources.folder import skipped
from calibration.store import ArrayFile
from zoo import datasets
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from zoo.preprocessing import Preprocessing


def prepare(
    paths: Sequence[Path], preprocessing: Preprocessing, file: Path
) -> tuple[NDArray[np.uint8], list[int], tuple[str, ...]]:
    """Return photos (N, height, width, channels) memory-mapped from `file`, their indices in `paths`, and warnings.

    Raises:
        UsageProblemError: none of the photos can be read.
        OutsideError: the disk is full.
    """
    kept, unreadable = [], []
    writer = ArrayFile(file, preprocessing.shape, "uint8")
    for index, path in enumerate(paths):
        try:
            photo = preprocessing.photo(read_photo(path))
        except BadPhotoError:
            unreadable.append(path.name)
            continue
        writer.append(photo)
        kept.append(index)
    writer.close()
    if not kept:
        raise UsageProblemError(f"none of the {len(paths)} photos can be read; the first is {paths[0]}")
    return np.load(file, mmap_mode="r"), kept, (skipped(unreadable),) if unreadable else ()


def fitted(images: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return images (N, height, width, channels) with the size and the number of channels of the input."""
    if images.shape[1:] == preprocessing.shape:
        return images
    return np.stack([preprocessing.photo(datasets.image(image)) for image in images])
