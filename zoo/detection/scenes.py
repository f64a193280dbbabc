"""Scenes: pictures pasted on photos, with a box around each, so that no boxes need to be annotated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo.detection.boxes import Floats, overlap
from zoo.detection.truth import Truth

Bytes = NDArray[np.uint8]

_DARKEST = 24  # of 255: darker pixels of a picture are its background
_SIDES = (0.35, 0.75)  # of a picture, as a share of the scene
_MOST_OVERLAP = 0.15  # a hidden object cannot be detected
_MOST_TRIES = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Scenes:
    """Photos (N, side, side, 3) and the objects in each."""

    photos: Bytes
    truth: list[Truth]


def clothes(split: Literal["train", "test"], count: int, side: int, seed: int, folder: Path | None = None) -> Scenes:
    """Return scenes of Fashion-MNIST's clothes on the photos that scikit-image ships; other ones for each split.

    Args:
        split: of the clothes and the photos.
        count: of scenes.
        side: of each, in pixels.
        seed: the same one gives the same scenes.
        folder: contains Fashion-MNIST; None searches for it as `zoo.datasets` does.

    Raises:
        OutsideError: no source has Fashion-MNIST.
    """
    from zoo import datasets
    from zoo.segmentation.canvases import PHOTOS, cut_piece, open_photos

    rng = np.random.default_rng((seed, ("train", "test").index(split)))
    pictures, labels = datasets.load("fashion_mnist", split, folder)
    photos = open_photos(PHOTOS[split])
    grounds = [cut_piece(photos[rng.integers(len(photos))], side, rng) for _ in range(count)]
    return scatter(pictures[..., 0], labels.astype(np.int64), np.repeat(np.stack(grounds)[..., None], 3, axis=-1), rng)


def scatter(
    pictures: Bytes | Sequence[Bytes],
    labels: NDArray[np.int64],
    grounds: Bytes,
    rng: np.random.Generator,
    most: int = 3,
) -> Scenes:
    """Paste one to `most` random pictures on each background, at random sizes, mirrored or not.

    Args:
        pictures: each (height, width) or (height, width, 3), an object on black.
        labels: (N,) the class of each picture.
        grounds: (count, side, side, 3); overwritten.
        rng: source of random choices.
        most: objects in a scene.
    """
    truth = []
    for ground in grounds:
        boxes: list[Floats] = []
        classes: list[int] = []
        for index in rng.integers(0, len(pictures), rng.integers(1, most + 1)):
            box = _paste(pictures[index], ground, boxes, rng)
            if box is not None:
                boxes.append(box)
                classes.append(int(labels[index]))
        truth.append(
            Truth(
                boxes=np.stack(boxes) / ground.shape[0],
                classes=np.array(classes, np.int64),
                crowds=np.zeros(len(boxes), bool),
            )
        )
    return Scenes(photos=grounds, truth=truth)


def _paste(picture: Bytes, ground: Bytes, taken: list[Floats], rng: np.random.Generator) -> Floats | None:
    """Paste the picture where no other is; return the box of its object in pixels, None if there is no room."""
    side = len(ground)
    size = round(side * rng.uniform(*_SIDES))
    pixels = np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR))
    if rng.random() < 0.5:
        pixels = pixels[:, ::-1]
    is_thing = pixels.reshape(size, size, -1).max(-1) >= _DARKEST
    rows, columns = np.flatnonzero(is_thing.any(1)), np.flatnonzero(is_thing.any(0))
    inner = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64)
    for _ in range(_MOST_TRIES):
        left, top = rng.integers(0, side - size + 1, 2)
        box: Floats = inner + np.array([left, top, left, top])
        if not taken or overlap(box[None], np.stack(taken)).max() <= _MOST_OVERLAP:
            ground[top : top + size, left : left + size][is_thing] = pixels.reshape(size, size, -1)[is_thing]
            return box
    return None


def write(scenes: Scenes, folder: Path, names: Sequence[str]) -> None:
    """Write images/0000.png and so on, and instances.json, as COCO has them.

    Args:
        scenes: the photos and their boxes.
        folder: created if it does not exist.
        names: of the classes.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for index, (photo, truth) in enumerate(zip(scenes.photos, scenes.truth, strict=True)):
        name, side = f"{index:04}.png", len(photo)
        Image.fromarray(photo).save(folder / "images" / name)
        images.append({"id": index, "file_name": name, "width": side, "height": side})
        for (left, top, right, bottom), label in zip((truth.boxes * side).tolist(), truth.classes, strict=True):
            box = [left, top, right - left, bottom - top]
            annotations.append({"image_id": index, "category_id": int(label), "bbox": box, "iscrowd": 0})
    categories = [{"id": index, "name": name} for index, name in enumerate(names)]
    record = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "instances.json").write_text(json.dumps(record), encoding="utf-8")


@click.command()
@click.option("--count", default=200, show_default=True)
@click.option("--side", default=128, show_default=True, help="Pixels.")
@click.option("--seed", default=0, show_default=True)
@click.option("--data", type=click.Path(path_type=Path), help="Folder with Fashion-MNIST's four .gz files.")
@click.option("--out", default="scenes", show_default=True, type=click.Path(path_type=Path))
def main(count: int, side: int, seed: int, data: Path | None, out: Path) -> None:
    """Write test scenes as a folder that `zoo export yolo_v4_tiny --weights tiny --evaluate` takes."""
    from zoo import class_names

    write(clothes("test", count, side, seed, data), out, class_names.read("fashion_mnist"))
    click.echo(f"{out}: {count} photos in images, their boxes in instances.json")


if __name__ == "__main__":
    main()
