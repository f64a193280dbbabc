"""Default source of image models: random crops of the photos in calibration/photos; no download.

The photos show whole objects and scenes of many kinds: animals, fish, buildings, things of a household, machines and
tools. No photo is in both sets, and no scene is in two photos. The probe photos must show objects that the float model
recognises: without one, many classes are nearly tied, and top-1 changes even in a good int8 file. For one MobileNet
int8 file, top-1 agreed with the float model on 93 % of 400 ImageNet photos, but on 48 % of crops of sky, suit and
blurred fur. docs/calibration.md compares these photos with the three that earlier versions calibrated on.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from calibration.inputs import Sample, describe, photo_sample
from calibration.sources.request import Request, Stream
from zoo.errors import OutsideError, UsageProblemError

if TYPE_CHECKING:
    from PIL import Image

    from zoo.preprocessing import Preprocessing

FOLDER = Path(__file__).parents[1] / "photos"
TABLE = FOLDER / "photos.csv"
CALIBRATION, PROBE = SETS = ("calibration", "probe")
# Smallest crop for (calibration, probe) relative to the photo's shorter side; below .7 probe crops cut objects off.
SMALLEST_SIDES = (0.5, 0.7)
SOURCE = "random crops of the built-in photos"


@dataclass(frozen=True, kw_only=True)
class Crop:
    """The part of a photo that becomes a sample.

    Attributes:
        box: left, top, right and bottom in pixels.
        mirrored: whether left and right are swapped afterwards.
    """

    box: tuple[int, int, int, int]
    mirrored: bool

    def of(self, photo: Image.Image) -> Image.Image:
        """Return the part of the photo."""
        from PIL import ImageOps

        part = photo.crop(self.box)
        return ImageOps.mirror(part) if self.mirrored else part

    def lies_in(self, size: tuple[int, int]) -> bool:
        """Return whether a photo of this width and height has all of the part."""
        left, top, right, bottom = self.box
        return 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]

    def record(self) -> dict[str, Any]:
        """Return plain data for a manifest."""
        return {"box": list(self.box), "mirrored": self.mirrored}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the crop of a record.

        Raises:
            ValueError, KeyError, TypeError: the record makes no sense.
        """
        left, top, right, bottom = (int(side) for side in record["box"])
        return cls(box=(left, top, right, bottom), mirrored=bool(record["mirrored"]))


def open_builtin(request: Request) -> Stream:
    """Return random crops of different photos for both sets.

    Raises:
        UsageProblemError: the model does not take exactly one image.
    """
    name = request.only_photo_input
    if name is None or request.preprocessing is None:
        raise _refusal(request)
    sets = [photos(files(name)) for name in SETS]
    streams = [
        _crops(name, one, request.preprocessing, np.random.default_rng((request.seed, side)), smallest)
        for side, (one, smallest) in enumerate(zip(sets, SMALLEST_SIDES, strict=True))
    ]
    return Stream(source=SOURCE, samples=(streams[0], streams[1]), photos=True)


def _refusal(request: Request) -> UsageProblemError:
    """Return the error that says why photos do not fit this model and which samples do."""
    shapes = [spec.shape for spec in request.inputs.values()]
    arrays = f"--calibration samples.npz with these arrays: {describe(request.inputs)}"
    if request.preprocessing is None and len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][2] in (1, 3):
        return UsageProblemError(
            "the preprocessing from photos to this model's input is not known: add --preprocessing raw, unit, tf, "
            f"caffe or torch, or give {arrays}"
        )
    return UsageProblemError(
        "this model takes no photos, but the proof needs samples, even without --int8: give "
        f"{arrays}; or add --random-calibration (noise, good for checking sizes and speed only)"
    )


def files(use: str) -> list[Path]:
    """Return the paths of the photos of one of the `SETS`, in the order of the table.

    Raises:
        OutsideError: they are not installed.
    """
    try:
        with TABLE.open(encoding="utf-8", newline="") as table:
            paths = [FOLDER / row["file"] for row in csv.DictReader(table) if row["set"] == use]
    except FileNotFoundError:
        paths = []
    if not paths or not all(path.is_file() for path in paths):
        raise OutsideError(
            "the built-in photos are missing: install zoo-export again with `pip install --force-reinstall "
            "zoo-export`, or give --calibration a folder of your own photos"
        )
    return paths


def photos(paths: Sequence[Path]) -> list[Image.Image]:
    """Return photos in RGB."""
    from PIL import Image

    return [Image.open(path).convert("RGB") for path in paths]


def first_probe(preprocessing: Preprocessing, seed: int) -> tuple[Path, Crop]:
    """Return the file and the crop of the first probe photo that this seed gives.

    Raises:
        OutsideError: the photos are not installed.
    """
    from PIL import Image

    path = files(PROBE)[0]
    with Image.open(path) as photo:
        return path, _crop(photo.size, preprocessing, np.random.default_rng((seed, 1)), SMALLEST_SIDES[1])


def _crops(
    name: str,
    originals: list[Image.Image],
    preprocessing: Preprocessing,
    generator: np.random.Generator,
    smallest: float,
) -> Iterator[Sample]:
    for original in cycle(originals):
        crop = _crop(original.size, preprocessing, generator, smallest)
        yield photo_sample(name, preprocessing.photo(crop.of(original)), preprocessing)


def _crop(room: tuple[int, int], preprocessing: Preprocessing, generator: np.random.Generator, smallest: float) -> Crop:
    box = _box(room, (preprocessing.width, preprocessing.height), generator, smallest)
    return Crop(box=box, mirrored=bool(generator.random() < 0.5))


def _box(
    room: tuple[int, int], shape: tuple[int, int], generator: np.random.Generator, smallest: float
) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a crop with random size and position and the aspect ratio of `shape`."""
    ratio = generator.uniform(smallest, 1.0) * min(room) / max(shape)
    width, height = (max(1, round(ratio * side)) for side in shape)
    left = int(generator.integers(0, room[0] - width + 1))
    top = int(generator.integers(0, room[1] - height + 1))
    return left, top, left + width, top + height
