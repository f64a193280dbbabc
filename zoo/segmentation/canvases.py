"""Canvases: clothes of Fashion-MNIST pasted on photos, and masks with the class of every pixel.

The photos are those that scikit-image ships. Test canvases have other photos and other clothes than training canvases.

python -m zoo.segmentation.canvases --count 200 --out canvases
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

# The class in a mask of each of the ten kinds of clothes; 0 is the background (zoo/class_names/clothes_groups.txt).
TOP, TROUSERS, DRESS, SHOE, BAG = range(1, 6)
GROUPS = (TOP, TROUSERS, TOP, DRESS, TOP, SHOE, TOP, SHOE, BAG, SHOE)
CLASSES = 6

PHOTOS = {
    "train": ("astronaut.png", "coffee.png", "rocket.jpg", "brick.png", "coins.png", "ihc.png"),
    "test": ("chelsea.png", "motorcycle_left.png", "camera.png", "gravel.png", "grass.png"),
}

_DARKEST_CLOTH = 24  # of 255: a darker pixel of a picture of clothes is the black around them
_MOST_CLOTHES = 3
_SIDES = (0.4, 0.8)  # of a piece of clothing, as a share of the canvas


@dataclass(frozen=True, kw_only=True)
class Canvases:
    """Grey photos (N, side, side, 1) with clothes, and the class of each pixel (N, side, side)."""

    photos: NDArray[np.uint8]
    masks: NDArray[np.uint8]


def canvases(split: Literal["train", "test"], count: int, side: int, seed: int, folder: Path | None = None) -> Canvases:
    """Return `count` canvases of Fashion-MNIST's clothes on photos of scikit-image.

    Args:
        split: of the photos and the clothes.
        count: of canvases.
        side: of each, in pixels.
        seed: the same one gives the same canvases.
        folder: contains Fashion-MNIST; None searches for it as `zoo.datasets` does.

    Raises:
        OutsideError: no source has Fashion-MNIST.
    """
    import numpy as np

    from zoo import datasets

    rng = np.random.default_rng((seed, ("train", "test").index(split)))
    clothes, labels = datasets.load("fashion_mnist", split, folder)
    return compose(clothes[..., 0], labels, open_photos(PHOTOS[split]), count, side, rng)


def compose(
    clothes: NDArray[np.uint8],
    labels: NDArray[np.integer],
    backgrounds: Sequence[Image.Image],
    count: int,
    side: int,
    rng: np.random.Generator,
) -> Canvases:
    """Return `count` canvases with one to three of `clothes` (N, 28, 28) each, later ones over earlier ones.

    All groups are equally frequent, although half of Fashion-MNIST are tops.
    """
    import numpy as np

    groups = np.array(GROUPS)[labels]
    members = [np.flatnonzero(groups == group) for group in range(1, CLASSES)]
    photos, masks = np.empty((count, side, side, 1), np.uint8), np.zeros((count, side, side), np.uint8)
    for photo, mask in zip(photos, masks, strict=True):
        photo[..., 0] = cut_piece(backgrounds[int(rng.integers(len(backgrounds)))], side, rng)
        for group in rng.integers(1, CLASSES, rng.integers(1, _MOST_CLOTHES + 1)):
            _paste(photo[..., 0], mask, clothes[rng.choice(members[group - 1])], int(group), rng)
    return Canvases(photos=photos, masks=masks)


def open_photos(names: Sequence[str]) -> list[Image.Image]:
    """Return photos of scikit-image, grey, without importing it."""
    from importlib.util import find_spec

    from PIL import Image

    found = find_spec("skimage")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("the photos behind the clothes are scikit-image's: pip install scikit-image")
    data = Path(next(iter(found.submodule_search_locations))) / "data"
    return [Image.open(data / name).convert("L") for name in names]


def cut_piece(photo: Image.Image, side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a random square of `photo`, from as large as the canvas to all of it, at the canvas's size."""
    import numpy as np
    from PIL import Image

    cut = int(rng.integers(min(side, *photo.size), min(photo.size) + 1))
    left, top = (int(rng.integers(0, length - cut + 1)) for length in photo.size)
    piece = photo.crop((left, top, left + cut, top + cut)).resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(piece)


def _paste(
    photo: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    clothing: NDArray[np.uint8],
    group: int,
    rng: np.random.Generator,
) -> None:
    """Paste `clothing` (28, 28) on the canvas at a random place and size, mirrored or not."""
    import numpy as np
    from PIL import Image

    side = len(photo)
    size = round(side * rng.uniform(*_SIDES))
    if rng.random() < 0.5:
        clothing = clothing[:, ::-1]
    pixels = np.asarray(Image.fromarray(clothing).resize((size, size), Image.Resampling.BILINEAR))
    top, left = rng.integers(0, side - size + 1, 2)
    place = slice(top, top + size), slice(left, left + size)
    is_cloth = pixels >= _DARKEST_CLOTH
    photo[place][is_cloth] = pixels[is_cloth]
    mask[place][is_cloth] = group


def write(pictures: Canvases, folder: Path) -> None:
    """Write images/0000.png and masks/0000.png and so on, the masks with class indices as grey values."""
    from PIL import Image

    for name, images in (("images", pictures.photos[..., 0]), ("masks", pictures.masks)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index, picture in enumerate(images):
            Image.fromarray(picture).save(folder / name / f"{index:04}.png")


@click.command()
@click.option("--count", default=200, show_default=True)
@click.option("--side", default=64, show_default=True, help="Pixels.")
@click.option("--seed", default=0, show_default=True)
@click.option("--data", type=click.Path(path_type=Path), help="Folder with Fashion-MNIST's four .gz files.")
@click.option("--out", default="canvases", show_default=True, type=click.Path(path_type=Path))
def main(count: int, side: int, seed: int, data: Path | None, out: Path) -> None:
    """Write test canvases as a folder that `zoo export unet --weights tiny --evaluate` takes."""
    write(canvases("test", count, side, seed, data), out)
    click.echo(f"{out}: {count} photos in images, {count} masks in masks")


if __name__ == "__main__":
    main()
