"""The first golden input is made again from a full-size photo, so that a wrong resize or crop is seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from calibration.photo_file import read_photo
from calibration.samples import Samples
from calibration.sources import builtin
from export.bundle import golden, golden_photo
from export.bundle.read import read
from tests.commands.edits import Folder
from zoo.preprocessing import Preprocessing

NAME = "golden_photo.png"


@pytest.fixture
def folder(copy: Path) -> Folder:
    """The export as if its first sample were a crop of a built-in photo."""
    made, preprocessing = Folder(copy), read(copy).preprocessing
    found = builtin.first_probe(preprocessing, 0) if preprocessing is not None else None
    assert preprocessing is not None
    assert found is not None
    path, crop = found
    (copy / NAME).write_bytes(path.read_bytes())
    photo = preprocessing.photo(crop.of(read_photo(path)))
    made.arrays["photos"][0], made.arrays["input/image"][0] = photo, preprocessing.normalise(photo)
    made.manifest["golden_photo"] = {"file": NAME, "row": 0, **crop.record()}
    made.manifest["companions"][NAME] = ""
    made.manifest["probe"]["source"] = builtin.SOURCE
    return made


def problems(folder: Folder) -> list[str]:
    folder.write()
    return list(golden_photo.problems(read(folder.path), golden.read(folder.path / "golden.npz")))


def test_the_first_golden_input_is_made_again(folder: Folder) -> None:
    assert problems(folder) == []


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "filter": lambda manifest: manifest["inputs"]["image"].update(resize="nearest"),
    "crop_fraction": lambda manifest: manifest["inputs"]["image"].update(crop_fraction=0.875),
    "tiny crop": lambda manifest: manifest["inputs"]["image"].update(crop_fraction=1e-6),
    "size": lambda manifest: manifest["inputs"]["image"].update(height=10**9),
    "colours": lambda manifest: manifest["inputs"]["image"].update(colours="RGB"),
    "box": lambda manifest: manifest["golden_photo"].update(box=[0, 0, 200, 200]),
    "huge box": lambda manifest: manifest["golden_photo"].update(box=[0, 0, 10**9, 10**9]),
    "mirror": lambda manifest: manifest["golden_photo"].update(mirrored=not manifest["golden_photo"]["mirrored"]),
    "no photo": lambda manifest: manifest.update(golden_photo=None),
    "not listed": lambda manifest: manifest["companions"].pop(NAME),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_manifest_that_makes_another_input_is_seen(change: str, folder: Folder) -> None:
    CHANGES[change](folder.manifest)
    assert len(problems(folder)) == 1


def test_another_photo_is_seen(folder: Folder) -> None:
    Image.new("RGB", (451, 300)).save(folder.path / NAME)
    assert "make another golden input" in problems(folder)[0]
    (folder.path / NAME).write_bytes(b"no photo")
    assert "cannot be read as a photo" in problems(folder)[0]


def test_a_photo_of_the_user_never_travels() -> None:
    preprocessing = Preprocessing(height=16, width=16)
    found = builtin.first_probe(preprocessing, 3)
    assert found is not None
    photo = preprocessing.photo(found[1].of(read_photo(found[0])))[None]

    def sample(photos: Any, source: str, seed: int = 3) -> Samples:
        inputs = {"image": preprocessing.normalise(photos)}
        return Samples(inputs=inputs, photos=photos, photo_input="image", source=source, seed=seed)

    known = golden_photo.find(sample(photo, builtin.SOURCE), preprocessing)
    assert known is not None
    assert known.content == found[0].read_bytes()
    assert golden_photo.find(sample(photo, "photos/"), preprocessing) is None
    assert golden_photo.find(sample(np.zeros_like(photo), builtin.SOURCE), preprocessing) is None
    assert golden_photo.find(sample(photo, builtin.SOURCE), None) is None
