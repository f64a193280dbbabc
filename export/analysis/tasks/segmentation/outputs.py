"""Interpret the output of a segmentation model: areas of the classes, and a mask as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.analysis.tasks.prediction import Prediction, Row
from zoo.errors import UsageProblemError

MOST_CLASSES = 255  # Maximum number of classes in an 8-bit mask; 255 means no class.


@dataclass(frozen=True, kw_only=True)
class Area:
    """The share (0 to 1) of a photo's pixels that belong to one class."""

    index: int
    name: str
    share: float


@dataclass(frozen=True, eq=False)
class Mask:
    """The class of each pixel (height, width), in the size of the model's output."""

    classes: NDArray[np.intp]

    def write(self, path: Path) -> None:
        """Write the mask as a PNG."""
        write_mask(path, self.classes)


def prediction(mask: NDArray[np.intp], labels: Sequence[str], top: int) -> Prediction:
    """Return the largest areas of one photo's mask, and the mask, as a prediction."""
    found = areas(mask, labels, top)
    return Prediction(
        record={"areas": [asdict(area) for area in found]},
        rows=tuple(Row(share=area.share, title=area.name) for area in found),
        picture=Mask(mask),
    )


def areas(mask: NDArray[np.intp], labels: Sequence[str], top: int) -> tuple[Area, ...]:
    """Return at most `top` areas of a mask (height, width), the largest first."""
    shares = np.bincount(mask.ravel(), minlength=len(labels)) / mask.size
    order = [int(index) for index in np.argsort(-shares, kind="stable")[:top] if shares[index]]
    return tuple(Area(index=index, name=labels[index], share=float(shares[index])) for index in order)


def write_mask(path: Path, mask: NDArray[np.intp]) -> None:
    """Write a mask as a PNG of class indices with a colour palette, which `--evaluate` accepts as labels.

    Raises:
        UsageProblemError: too many classes for 8 bits, or a missing folder.
    """
    from PIL import Image

    if mask.max() >= MOST_CLASSES:
        raise UsageProblemError(f"a mask of class {mask.max()} does not fit into a PNG; type --out FILE.npz")
    picture = Image.fromarray(mask.astype(np.uint8))
    picture.putpalette(mask_colours().tobytes())
    try:
        picture.save(path)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise UsageProblemError(
            f"cannot write {str(path)!r} ({error.strerror}); type a file name in an existing folder"
        ) from error


def mask_colours() -> NDArray[np.uint8]:
    """Return the 256 colours (256, 3) of Pascal VOC, which spread the bits of the class index over the channels."""
    index = np.arange(256)[:, None]
    channel = np.arange(3)
    bits = np.stack([((index >> (3 * place + channel)) & 1) << (7 - place) for place in range(3)])
    colours: NDArray[np.uint8] = bits.sum(axis=0).astype(np.uint8)
    return colours
