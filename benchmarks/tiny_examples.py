"""Labelled examples for the tiny variants, by task, as `--evaluate` takes them.

They are generated from the 500 test images of Fashion-MNIST in tests/data and from test photos of scikit-image; no tiny
variant was trained on either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.peers import fashion_photos
from zoo import class_names
from zoo.detection import scenes
from zoo.segmentation import canvases

SEED = 0
COUNT = 200  # of generated photos


def write(task: str, folder: Path, side: int) -> Path:
    """Write examples of `task` for a network with photos of `side` pixels; return the argument of `--evaluate`."""
    return WRITERS[task](folder, side)


def _labelled(folder: Path, _: int) -> Path:
    fashion_photos.write(folder)
    return folder / "labels.csv"


def _pictures(folder: Path, _: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, photo in enumerate(_clothes()[0]):
        Image.fromarray(photo).save(folder / f"{index:03}.png")
    return folder


def _masked(folder: Path, side: int) -> Path:
    clothes, labels = _clothes()
    photos = canvases.open_photos(canvases.PHOTOS["test"])
    composed = canvases.compose(clothes, labels, photos, COUNT, side, np.random.default_rng(SEED))
    canvases.write(composed, folder)
    return folder


def _boxed(folder: Path, side: int) -> Path:
    rng = np.random.default_rng(SEED)
    clothes, labels = _clothes()
    photos = canvases.open_photos(canvases.PHOTOS["test"])
    pieces = [canvases.cut_piece(photos[int(rng.integers(len(photos)))], side, rng) for _ in range(COUNT)]
    grounds = np.repeat(np.stack(pieces)[..., None], 3, axis=-1)
    scenes.write(scenes.scatter(clothes, labels, grounds, rng), folder, class_names.read("fashion_mnist"))
    return folder


def _clothes() -> tuple[Any, Any]:
    """Return the 28 x 28 pixels that Fashion-MNIST has, and their classes."""
    with np.load(fashion_photos.SOURCE) as arrays:
        return arrays["photos"][:, 2:30, 2:30, 0], arrays["labels"].astype(np.int64)


WRITERS: Mapping[str, Callable[[Path, int], Path]] = {
    "classification": _labelled,
    "detection": _boxed,
    "generation": _pictures,
    "segmentation": _masked,
}
