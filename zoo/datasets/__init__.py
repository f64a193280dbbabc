"""Data sets with names, to train on at once. Each has one file, and one line here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.datasets.cifar import CIFAR10
from zoo.datasets.clothes import FASHION_MNIST
from zoo.datasets.data_set import DataSet, Split, image
from zoo.datasets.handwriting import MNIST
from zoo.errors import unknown
from zoo.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DATA_SETS", "DataSet", "Split", "find", "image", "load"]

DATA_SETS: Registry[DataSet] = Registry("data set", {data.name: data for data in (MNIST, FASHION_MNIST, CIFAR10)})


def find(name: str) -> DataSet:
    """Return the data set of that name.

    Raises:
        UsageProblemError: there is none; the message suggests the nearest names.
    """
    if name not in DATA_SETS:
        raise unknown("data set", name, DATA_SETS)
    return DATA_SETS[name]


def load(name: str, split: Split, folder: Path | None = None) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Return the images (N, height, width, channels) and labels (N,) of one split.

    Args:
        name: of the data set.
        split: images to train on, or to test on.
        folder: holds its files; None looks where they are usually found, then downloads.

    Raises:
        UsageProblemError: no data set of that name.
        OutsideError: no source has the files.
    """
    return find(name).read(split, folder)
