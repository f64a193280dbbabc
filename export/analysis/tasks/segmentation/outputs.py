"""What the output of a segmenter means: a class for each pixel, areas, and a mask that can be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.errors import UsageProblemError

MOST_CLASSES = 255  # of a mask in a picture of bytes; 255 itself means no class


@dataclass(frozen=True, kw_only=True)
class Area:
    """The share of a photo's pixels, 0 to 1, that are of one class."""

    index: int
    name: str
    share: float


def areas(mask: NDArray[np.intp], labels: Sequence[str], top: int) -> tuple[Area, ...]:
    """Return at most `top` areas of a mask (height, width), the largest first."""
    shares = np.bincount(mask.ravel(), minlength=len(labels)) / mask.size
    order = [int(index) for index in np.argsort(-shares, kind="stable")[:top] if shares[index]]
    return tuple(Area(index=index, name=labels[index], share=float(shares[index])) for index in order)


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


def _colours() -> NDArray[np.uint8]:
    """Return 256 colours (256, 3) far from each other, as Pascal VOC has them: the class's bits, spread."""
    index = np.arange(256)[:, None]
    channel = np.arange(3)
    bits = np.stack([((index >> (3 * place + channel)) & 1) << (7 - place) for place in range(3)])
    colours: NDArray[np.uint8] = bits.sum(axis=0).astype(np.uint8)
    return colours
