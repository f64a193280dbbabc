"""A photo that is stretched is shown whole; what older manifests do not say stays as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import zoo
from tests.zoo.families import photo_networks
from zoo.preprocessing import Preprocessing

CROPPED = Preprocessing(height=8, width=8, resize="bilinear", crop_fraction=1.0)
STRETCHED = replace(CROPPED, fit="stretch")


def test_stretching_shows_the_whole_photo_and_cropping_its_middle() -> None:
    photo = np.zeros((32, 96, 3), np.uint8)
    photo[:, :32], photo[:, 64:] = (255, 0, 0), (0, 0, 255)
    image = Image.fromarray(photo)
    assert CROPPED.photo(image)[:, 1:-1].max() == 0
    stretched = STRETCHED.photo(image)
    assert stretched.shape == (8, 8, 3)
    assert (stretched[:, :2] == (255, 0, 0)).all()
    assert (stretched[:, -2:] == (0, 0, 255)).all()


def test_a_record_is_read_back_and_an_old_one_crops() -> None:
    assert Preprocessing.from_record(STRETCHED.record()) == STRETCHED
    old = CROPPED.record()
    del old["fit"]
    assert Preprocessing.from_record(old) == CROPPED


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="fit must be one of crop, stretch, not 'letterbox'"):
        Preprocessing.from_record(STRETCHED.record() | {"fit": "letterbox"})
    with pytest.raises(ValueError, match="not cropped to"):
        Preprocessing(height=8, width=8, fit="stretch")


@pytest.mark.parametrize("name", photo_networks())
def test_a_small_build_crops_the_same_share_as_the_smallest_network(name: str) -> None:
    architecture = zoo.find(name)
    whole = architecture.preprocess(**architecture.settings({}))
    tiny = architecture.preprocess(**architecture.tiny)
    assert tiny.crop_fraction >= min(0.85, whole.crop_fraction)
