"""Named data sets: training pictures for calibration, test pictures for evaluation."""

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
    """Return the first half of a stored subset as the training split, the second as the test split."""
    with np.load(DATA) as arrays:
        half = slice(0, 250) if split == "train" else slice(250, 500)
        return arrays["photos"][half], arrays["labels"][half]


@pytest.fixture(autouse=True)
def _local_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    known = datasets.DATA_SETS["fashion_mnist"]
    monkeypatch.setattr(datasets, "DATA_SETS", {"fashion_mnist": replace(known, read=pictures)})


def test_both_sets_are_disjoint_training_pictures(tmp_path: Path) -> None:
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
    training = {picture.tobytes() for picture in UNIT.normalise(fitted(pictures("train", None)[0]))}
    assert {one["image"].tobytes() for one in drawn.calibration} <= training
    assert {one["image"].tobytes() for one in drawn.probe} <= training
    assert not set(drawn.calibration.digests) & set(drawn.probe.digests)
    assert "training pictures" in drawn.calibration.source


def test_evaluation_uses_test_pictures_with_their_classes(tmp_path: Path) -> None:
    found = find_labelled("fashion_mnist", classes=10, labels=NAMES)
    samples = labelled_samples(found, name="image", preprocessing=UNIT, seed=0, work=tmp_path)
    images, labels = pictures("test", None)
    assert samples.labels is not None
    expected = {
        (picture.tobytes(), int(label)) for picture, label in zip(UNIT.normalise(fitted(images)), labels, strict=True)
    }
    actual = {(one["image"].tobytes(), int(label)) for one, label in zip(samples, samples.labels.tolist(), strict=True)}
    assert actual <= expected
    assert len(actual) > 200


@pytest.mark.parametrize(("classes", "labels"), [(3, ()), (10, tuple("abcdefghij"))])
def test_a_model_with_other_classes_is_refused(classes: int, labels: tuple[str, ...]) -> None:
    with pytest.raises(UsageProblemError, match="does not predict the 10 classes of fashion_mnist"):
        find_labelled("fashion_mnist", classes=classes, labels=labels)


def test_a_folder_takes_precedence_over_the_data_set_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fashion_mnist").mkdir()
    with pytest.raises(UsageProblemError, match="no image in"):
        find_labelled("fashion_mnist", classes=10)


def fitted(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.stack([UNIT.photo(datasets.image(image)) for image in images])
