"""Reading photos with boxes in COCO format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from calibration.boxed import boxed_samples, find_boxed
from zoo.errors import UsageProblemError
from zoo.preprocessing import Preprocessing

LABELS = ("cat", "cup")
WHOLE = Preprocessing(height=16, width=16, scale=(1 / 255,), fit="stretch", crop_fraction=1.0)


def record() -> dict[str, Any]:
    return {
        "images": [
            {"id": 7, "file_name": "b.png", "width": 20, "height": 10},
            {"id": 3, "file_name": "a.png", "width": 40, "height": 80},
        ],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 90, "bbox": [5, 0, 10, 5], "iscrowd": 0},
            {"id": 2, "image_id": 3, "category_id": 11, "bbox": [0, 20, 10, 60], "iscrowd": 1},
            {"id": 3, "image_id": 3, "category_id": 11, "bbox": [20, 20, 20, 20]},
        ],
        "categories": [{"id": 90, "name": "cup"}, {"id": 11, "name": "cat"}],
    }


def write(folder: Path, stored: Any) -> Path:
    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    for name, size in (("a.png", (40, 80)), ("b.png", (20, 10))):
        Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), np.uint8)).save(folder / "images" / name)
    text = stored if isinstance(stored, str) else json.dumps(stored)
    (folder / "instances.json").write_text(text)
    return folder


def test_boxes_are_relative_to_the_photo_and_categories_match_by_name(tmp_path: Path) -> None:
    photos = find_boxed(write(tmp_path, record()), labels=LABELS)
    samples, truth = boxed_samples(photos, name="image", preprocessing=WHOLE, seed=0, work=tmp_path / "work")
    first, second = truth  # in the order of the file names
    assert first.boxes.tolist() == [[0, 0.25, 0.25, 1], [0.5, 0.25, 1, 0.5]]
    assert first.classes.tolist() == [0, 0]
    assert first.crowds.tolist() == [True, False]
    assert second.boxes.tolist() == [[0.25, 0, 0.75, 0.5]]
    assert second.classes.tolist() == [1]
    whole = Image.open(tmp_path / "images" / "b.png").resize((16, 16), Image.Resampling.BICUBIC)
    assert np.array_equal(np.asarray(samples.inputs["image"][1]), WHOLE.normalise(np.asarray(whole)))
    assert "2 photos with boxes" in samples.source


def test_calibration_photos_are_left_out_of_the_evaluation(tmp_path: Path) -> None:
    photos = find_boxed(write(tmp_path, record()), labels=LABELS)
    seen, _ = boxed_samples(photos, name="image", preprocessing=WHOLE, seed=0, work=tmp_path / "seen")
    samples, truth = boxed_samples(
        photos, name="image", preprocessing=WHOLE, seed=0, work=tmp_path / "work", exclude=sorted(seen.digests)[:1]
    )
    assert len(samples) == len(truth) == 1
    assert any("1 calibration photos left out" in warning for warning in samples.warnings)


def boxed(bbox: list[float]) -> Callable[[dict[str, Any]], Any]:
    return lambda stored: (
        stored | {"annotations": [stored["annotations"][0] | {"bbox": bbox}, *stored["annotations"][1:]]}
    )


def sized(width: float) -> Callable[[dict[str, Any]], Any]:
    return lambda stored: stored | {"images": [stored["images"][0] | {"width": width}, *stored["images"][1:]]}


def without(key: str) -> Callable[[dict[str, Any]], Any]:
    return lambda stored: {name: value for name, value in stored.items() if name != key}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("categories"), "not in COCO format"),
        (without("annotations"), "not in COCO format"),
        (lambda stored: "no JSON", "not in COCO format"),
        (lambda stored: [stored], "not in COCO format"),
        (lambda stored: stored | {"annotations": []}, "has no box to detect"),
        (lambda stored: stored | {"annotations": [stored["annotations"][1]]}, "has no box to detect"),
        (lambda stored: stored | {"categories": [{"id": 90, "name": "mug"}]}, "category 'mug'"),
        (
            lambda stored: stored | {"images": [*stored["images"], stored["images"][0] | {"file_name": "c.png"}]},
            "c.png",
        ),
        (boxed([float("nan"), 1, 10, 10]), "annotation 1 has the bbox .nan, 1, 10, 10.; it must be x, y, width"),
        (boxed([0, 1, float("inf"), 10]), "annotation 1 has the bbox"),
        (boxed([0, 1, -10, 10]), "annotation 1 has the bbox"),
        (boxed([0, 1, 10]), "annotation 1 has the bbox"),
        (boxed([0, 1, 10, 10] * 2), "annotation 1 has the bbox"),
        (sized(float("inf")), "not in COCO format .OverflowError"),
        (sized(0), "b.png has .0, 10. pixels"),
    ],
)
def test_an_invalid_annotation_file_is_refused(change: Callable[[Any], Any], words: str, tmp_path: Path) -> None:
    folder = write(tmp_path, change(record()))
    with pytest.raises(UsageProblemError, match=words):
        find_boxed(folder, labels=LABELS)


def test_a_folder_without_boxes_and_a_photo_of_another_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageProblemError, match="has no boxes; give a folder with images"):
        find_boxed(tmp_path, labels=LABELS)
    stored = record()
    stored["images"][0]["width"] = 21
    photos = find_boxed(write(tmp_path, stored), labels=LABELS)
    with pytest.raises(UsageProblemError, match=r"b.png has \(20, 10\) pixels, but instances.json says \(21, 10\)"):
        boxed_samples(photos, name="image", preprocessing=WHOLE, seed=0, work=tmp_path / "work")
