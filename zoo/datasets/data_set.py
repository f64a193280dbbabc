"""A data set with a name: labelled pictures that anybody can download, verified by their digest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

Split = Literal["train", "test"]


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """Pictures of one size, each of one class.

    Attributes:
        name: value of `--data`.
        title: for people: name, authors, year.
        licence: of the pictures, as stated by their publisher.
        labels: stem of the file in `zoo/class_names` with the names of the classes.
        mirrored: whether a picture and its mirror image are of the same class: a shoe is, a 3 is not.
        read: (split, a folder that may hold the files, or None) to images (N, height, width, channels) and labels
            (N,); raises OutsideError if no source has them.
    """

    name: str
    title: str
    licence: str
    labels: str
    mirrored: bool
    read: Callable[[Split, Path | None], tuple[NDArray[np.uint8], NDArray[Any]]]


def image(picture: NDArray[np.uint8]) -> Image.Image:
    """Return a picture (height, width, channels), RGB or grey, as an image for `Preprocessing.photo`."""
    from PIL import Image

    return Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
