"""Which class a delivered segmenter gives to each pixel of photos, as a device would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.bundle.predict import names_of_classes, photo_samples, run
from export.bundle.read import Delivered, DeliveredFile
from zoo.errors import CheckFailedError, UsageProblemError

MOST_CLASSES = 255  # of a mask in a picture of bytes; 255 itself means no class


@dataclass(frozen=True, kw_only=True)
class Area:
    """The share of a photo's pixels, 0 to 1, that are of one class."""

    index: int
    name: str
    share: float


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
        Segmented(photo=str(path), areas=_areas(mask, labels, top), mask=mask, milliseconds=time)
        for path, mask, time in zip(photos, masks, measured.milliseconds, strict=True)
    ]


def write_mask(path: Path, mask: NDArray[np.intp]) -> None:
    """Write a mask as a PNG of class indices, which pictures show in colours and `--evaluate` takes as truth.

    Raises:
        UsageProblemError: more classes than a byte tells apart, or a folder that is not there.
    """
    from PIL import Image

    if mask.max() >= MOST_CLASSES:
        raise UsageProblemError(f"a mask of class {mask.max()} does not fit into a PNG; type --out FILE.npz")
    picture = Image.fromarray(mask.astype(np.uint8))
    picture.putpalette(_colours().tobytes())
    try:
        picture.save(path)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise UsageProblemError(
            f"cannot write {str(path)!r} ({error.strerror}); type a file in a folder that exists"
        ) from error


def _areas(mask: NDArray[np.intp], labels: Sequence[str], top: int) -> tuple[Area, ...]:
    shares = np.bincount(mask.ravel(), minlength=len(labels)) / mask.size
    order = [int(index) for index in np.argsort(-shares, kind="stable")[:top] if shares[index]]
    return tuple(Area(index=index, name=labels[index], share=float(shares[index])) for index in order)


def _colours() -> NDArray[np.uint8]:
    """Return 256 colours (256, 3) far from each other, as Pascal VOC has them: the class's bits, spread."""
    index = np.arange(256)[:, None]
    channel = np.arange(3)
    bits = np.stack([((index >> (3 * place + channel)) & 1) << (7 - place) for place in range(3)])
    colours: NDArray[np.uint8] = bits.sum(axis=0).astype(np.uint8)
    return colours
