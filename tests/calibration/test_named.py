"""Data sets with names: their training pictures calibrate, their test pictures judge."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration.inputs import InputSpec
from calibration.labelled import find_labelled, labelled_samples
from calibration.sources import draw
from zoo import class_names, datasets
from zoo.errors import UsageProblemError
from zoo.inputs import Photo
from zoo.preprocessing import conventions

NAMES = class_names.read("fashion_mnist")
UNIT = conventions.preprocessing("unit", (28, 28, 1))
DATA = Path(__file__).parents[1] / "data" / "fashion_mnist_500.npz"


def pictures(split: str, _folder: Path | None) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The first half to learn from, the other to judge; never a download."""
    with np.load(DATA) as arrays:
        half = slice(0, 250) if split == "train" else slice(250, 500)
        return arrays["photos"][half], arrays["labels"][half]


@pytest.fixture(autouse=True)
def _at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    known = datasets.DATA_SETS["fashion_mnist"]
    monkeypatch.setitem(datasets.DATA_SETS, "fashion_mnist", replace(known, read=pictures))


def test_training_pictures_calibrate_and_none_is_in_both_sets(tmp_path: Path) -> None:
    drawn = draw(
        "fashion_mnist",
        inputs={"image": InputSpec(shape=(28, 28, 1))},
        contracts={"image": Photo(preprocessing=UNIT)},
        calibration_count=20,
        probe_count=10,
        seed=3,
        work=tmp_path,
    )
    assert (len(drawn.calibration), len(drawn.probe)) == (20, 10)
    learned = {picture.tobytes() for picture in UNIT.normalise(fitted(pictures("train", None)[0]))}
    assert {one["image"].tobytes() for one in drawn.calibration} <= learned
    assert {one["image"].tobytes() for one in drawn.probe} <= learned
    assert not set(drawn.calibration.digests) & set(drawn.probe.digests)
    assert "training pictures" in drawn.calibration.source


def test_test_pictures_judge_with_their_classes(tmp_path: Path) -> None:
    found = find_labelled("fashion_mnist", classes=10, labels=NAMES)
    samples = labelled_samples(found, name="image", preprocessing=UNIT, seed=0, work=tmp_path)
    images, labels = pictures("test", None)
    assert samples.labels is not None
    expected = {
        (picture.tobytes(), int(label)) for picture, label in zip(UNIT.normalise(fitted(images)), labels, strict=True)
    }
    told = {(one["image"].tobytes(), int(label)) for one, label in zip(samples, samples.labels.tolist(), strict=True)}
    assert told <= expected
    assert len(told) > 200


@pytest.mark.parametrize(("classes", "labels"), [(3, ()), (10, tuple("abcdefghij"))])
def test_a_model_of_other_classes_is_not_judged(classes: int, labels: tuple[str, ...]) -> None:
    with pytest.raises(UsageProblemError, match="does not tell the 10 classes of fashion_mnist apart"):
        find_labelled("fashion_mnist", classes=classes, labels=labels)


def test_a_folder_of_that_name_is_meant_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fashion_mnist").mkdir()
    with pytest.raises(UsageProblemError, match="no image in"):
        find_labelled("fashion_mnist", classes=10)


def fitted(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.stack([UNIT.photo(datasets.image(image)) for image in images])
