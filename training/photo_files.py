"""Photos in files become one array on disk: decoded once, however many epochs there are."""

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
    """Return the photos (N, height, width, channels), mapped from `file`, which of `paths` they are, and warnings.

    Raises:
        UsageProblemError: not one can be read.
        OutsideError: the disk is full.
    """
    kept, broken = [], []
    writer = ArrayFile(file, preprocessing.shape, "uint8")
    for index, path in enumerate(paths):
        try:
            photo = preprocessing.photo(read_photo(path))
        except BadPhotoError:
            broken.append(path.name)
            continue
        writer.append(photo)
        kept.append(index)
    writer.close()
    if not kept:
        raise UsageProblemError(f"not one of {len(paths)} photos can be read, the first is {paths[0]}")
    return np.load(file, mmap_mode="r"), kept, (skipped(broken),) if broken else ()


def fitted(images: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return pictures (N, height, width, channels) of one size at the size and in the colours of the input."""
    if images.shape[1:] == preprocessing.shape:
        return images
    return np.stack([preprocessing.photo(datasets.image(image)) for image in images])
