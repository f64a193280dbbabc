"""The default for image models: random crops of the photos inside the scikit-image wheel; no download.

Each photo is cut in two across its longer side: calibration crops come from one part, probe crops from the
other. Giving whole photos to one set only would leave calibration three photos, and the probe two: too few
kinds of content on both sides. Parts keep all photos in both, and no pixel is in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration.inputs import Sample, describe, image_input, photo_sample
from calibration.sources.request import Request, Stream
from zoo.errors import OutsideError, UsageProblemError

if TYPE_CHECKING:
    from PIL import Image

    from zoo.preprocessing import Preprocessing

# People, animals, things. The wheel's microscope, sky and drawn pictures are not what a camera sees.
PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")
CALIBRATION_PART = 0.6
SMALLEST_SIDE = 0.5  # of a crop, as a share of the shorter side of its part of the photo


def open_builtin(request: Request) -> Stream:
    """Return crops for both sets.

    Raises:
        UsageProblemError: the model does not take one image.
    """
    name = image_input(request.inputs, request.preprocessing)
    if name is None or request.preprocessing is None:
        raise UsageProblemError(
            "the built-in photos fit models with one image input and a known preprocessing only; give "
            f"--calibration samples.npz with these arrays: {describe(request.inputs)}"
        )
    parts = [split(photo) for photo in photos()]
    streams = [
        _crops(
            name,
            [part[side] for part in parts],
            request.preprocessing,
            np.random.default_rng((request.seed, side)),
        )
        for side in (0, 1)
    ]
    source = f"random crops of {len(parts)} photos that scikit-image ships"
    return Stream(source=source, samples=(streams[0], streams[1]), photos=True)


def photos() -> list[Image.Image]:
    """Return the photos, RGB, without importing scikit-image (0.3 s).

    Raises:
        OutsideError: scikit-image is not there, or without its photos.
    """
    from PIL import Image

    found = find_spec("skimage")
    folders = [Path(place) / "data" for place in (found.submodule_search_locations or [])] if found else []
    paths = [folder / name for folder in folders for name in PHOTOS if (folder / name).is_file()]
    if len(paths) < 3:
        raise OutsideError(
            "the built-in photos are missing: install scikit-image again with `pip install --force-reinstall "
            "scikit-image`, or give --calibration a folder of your own photos"
        )
    return [Image.open(path).convert("RGB") for path in paths]


def split(photo: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Return the calibration part and the probe part of `photo`, cut across its longer side."""
    width, height = photo.size
    if width >= height:
        cut = round(width * CALIBRATION_PART)
        return photo.crop((0, 0, cut, height)), photo.crop((cut, 0, width, height))
    cut = round(height * CALIBRATION_PART)
    return photo.crop((0, 0, width, cut)), photo.crop((0, cut, width, height))


def _crops(
    name: str, parts: list[Image.Image], preprocessing: Preprocessing, generator: np.random.Generator
) -> Iterator[Sample]:
    from PIL import ImageOps

    while True:
        for part in parts:
            crop = _crop(part, preprocessing, generator)
            if generator.random() < 0.5:
                crop = ImageOps.mirror(crop)
            yield photo_sample(name, preprocessing.photo(crop), preprocessing)


def _crop(part: Image.Image, preprocessing: Preprocessing, generator: np.random.Generator) -> Image.Image:
    scale = generator.uniform(SMALLEST_SIDE, 1.0)
    longest = max(preprocessing.width, preprocessing.height)
    size = [
        round(scale * min(part.size) * side / longest) for side in (preprocessing.width, preprocessing.height)
    ]
    size = [max(1, side) for side in size]
    left, top = (
        int(generator.integers(0, room - side + 1)) for room, side in zip(part.size, size, strict=True)
    )
    return part.crop((left, top, left + size[0], top + size[1]))
