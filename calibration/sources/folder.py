"""Samples from a folder of photos; each file goes to one set only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration import foreign_photos
from calibration.inputs import Sample, describe, photo_sample
from calibration.photo_file import FOREIGN, SUFFIXES, BadPhotoError, read_photo
from calibration.sources.request import Request, Stream
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from zoo.preprocessing import Preprocessing


def open_folder(folder: Path, request: Request) -> Stream:
    """Return the photos of `folder` and its subfolders, in an order determined by the seed.

    Raises:
        UsageProblemError: the model takes no photos, or the folder has none.
    """
    preprocessing = request.preprocessing
    name = request.only_photo_input
    if name is None or preprocessing is None:
        raise UsageProblemError(
            "a folder of photos needs a model with one image input and a known preprocessing "
            "(--preprocessing raw, unit, tf, caffe or torch); "
            f"for this model give an .npz with: {describe(request.inputs)}"
        )
    paths = image_paths(folder)
    order = np.random.default_rng(request.seed).permutation(len(paths))
    stream = Stream(source=f"folder {folder.name}, {len(paths)} image files", samples=iter(()), photos=True)
    if left := foreign_photos.counted(folder.rglob("*")):
        stream.warnings.append(f"{left} left out, which are not read; convert them to .jpg")
    stream.samples = _photos(name, [paths[index] for index in order], preprocessing, stream.warnings)
    return stream


def image_paths(folder: Path) -> list[Path]:
    """Return all image files under `folder`, sorted.

    Raises:
        UsageProblemError: there are none.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise UsageProblemError(f"no image in {folder}: {_instead(folder)}")
    return paths


def _instead(folder: Path) -> str:
    """Return what a folder without images holds, and what to give."""
    foreign = sorted(path for path in folder.rglob("*") if path.suffix.lower() in FOREIGN)
    if foreign:
        return (
            f"it holds {foreign_photos.counted(foreign)}, which are not read; {foreign_photos.converting(foreign[0])}"
        )
    empty = "the folder is empty; " if not any(folder.iterdir()) else ""
    return f"{empty}give a folder of .jpg, .png, .bmp, .webp, .tif or .gif files"


def _photos(name: str, paths: list[Path], preprocessing: Preprocessing, notes: list[str]) -> Iterator[Sample]:
    broken, known = list[str](), tuple(notes)
    for path in paths:
        try:
            image = read_photo(path)
        except BadPhotoError:
            broken.append(path.name)
            notes[:] = [*known, skipped(broken)]
            continue
        yield photo_sample(name, preprocessing.photo(image), preprocessing)


def skipped(broken: Sequence[str]) -> str:
    """Return the warning that lists the unreadable files, at most five by name."""
    more = ", ..." if len(broken) > 5 else ""
    return f"{len(broken)} unreadable image{'s' * (len(broken) != 1)} skipped: {', '.join(broken[:5])}{more}"
