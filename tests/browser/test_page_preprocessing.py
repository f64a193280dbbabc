"""The page's JavaScript fits photos to inputs byte for byte as Pillow does in `Preprocessing`."""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.preprocessing import Preprocessing
from zoo.preprocessing.conventions import CONVENTIONS, Convention

HERE = Path(__file__).parent
# Width and height: larger and smaller than the input, equal to it, one pixel, far from square, odd halves to round.
SIZES = ((640, 480), (97, 331), (32, 24), (24, 24), (1, 1), (500, 3), (25, 49), (224, 224), (1023, 767), (60, 121))
FILTERS = ("nearest", "bilinear", "bicubic")
FITS = (("crop", 1.0), ("crop", 0.875), ("stretch", 1.0))
INPUTS = ((24, 24), (24, 32))
GREY = Convention(scale=(1 / 255,), offset=(-0.1307,), colours="RGB")


def cases() -> list[Preprocessing]:
    every = product(INPUTS, FILTERS, FITS, [*CONVENTIONS.values(), None])
    return [
        Preprocessing(
            height=height,
            width=width,
            resize=resize,  # type: ignore[arg-type]
            fit=fit,  # type: ignore[arg-type]
            crop_fraction=fraction,
            colours="GRAY" if convention is None else convention.colours,
            scale=(convention or GREY).scale,
            offset=(convention or GREY).offset,
        )
        for (height, width), resize, (fit, fraction), convention in every
    ]


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_photos_become_the_same_bytes_and_values_as_in_python(size: tuple[int, int], tmp_path: Path) -> None:
    generator = np.random.default_rng(size[0])
    pixels = generator.integers(0, 256, (size[1], size[0], 3), np.uint8)
    (tmp_path / "photo").write_bytes(pixels.tobytes())
    photo = {"path": str(tmp_path / "photo"), "width": size[0], "height": size[1], "channels": 3}
    tried = cases()
    records = [{"photo": photo, "preprocessing": one.record()} for one in tried]
    (tmp_path / "cases.json").write_text(json.dumps(records))
    command = ["node", str(HERE / "fit_photos.mjs"), str(tmp_path / "cases.json"), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = (tmp_path / "out").read_bytes()
    for one in tried:
        expected = one.photo(Image.fromarray(pixels))
        count = expected.size
        assert found[:count] == expected.tobytes(), one
        assert found[count : 5 * count] == one.normalise(expected).tobytes(), one
        found = found[5 * count :]
    assert found == b""
