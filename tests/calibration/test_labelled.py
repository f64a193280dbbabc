from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from calibration.class_words import class_indices
from calibration.labelled import find_labelled, labelled_samples
from calibration.store import Draw
from zoo.errors import UsageProblemError
from zoo.preprocessing import Preprocessing

MakePhotos = Callable[..., Path]
LABELS = ("tench", "great white shark", "cock", "crane", "crane")


def class_folders(make_photos: MakePhotos, *names: str) -> Path:
    for seed, name in enumerate(names):
        make_photos(2, folder=f"classes/{name}", seed=seed)
    return make_photos(0, folder="classes")


def test_folders_named_by_number_are_class_indices(make_photos: MakePhotos) -> None:
    found = find_labelled(class_folders(make_photos, "4", "0", "10"), classes=11)
    assert {path.parent.name: label for path, label in found.files} == {"4": 4, "0": 0, "10": 10}
    assert len(found) == 6


def test_folders_named_like_labels_are_matched(make_photos: MakePhotos) -> None:
    found = find_labelled(class_folders(make_photos, "Cock", "great_white_shark"), classes=5, labels=LABELS)
    assert {label for _, label in found.files} == {1, 2}


@pytest.mark.parametrize("word", ["T-shirt/top", "T-shirt_top", "t-shirt top", "TShirt-Top"])
def test_labels_match_folder_names_without_punctuation(word: str) -> None:
    assert class_indices({word, "Ankle boot"}, classes=3, labels=("T-shirt/top", "Bag", "Ankle boot"))[word] == 0


def test_sorted_order_is_used_only_with_one_folder_per_class(make_photos: MakePhotos) -> None:
    folder = class_folders(make_photos, "n02", "n01", "n03")
    assert {path.parent.name: label for path, label in find_labelled(folder, classes=3).files}["n02"] == 1
    with pytest.raises(UsageProblemError, match="3 classes like 'n01' cannot be matched with the model's 4"):
        find_labelled(folder, classes=4)


def test_a_misspelt_label_is_refused_instead_of_using_sorted_order() -> None:
    with pytest.raises(UsageProblemError, match="'tensh'; did you mean 'tench'"):
        class_indices({"tensh", "cock", "great white shark"}, classes=3, labels=LABELS)


def test_a_label_that_two_classes_share_is_refused() -> None:
    with pytest.raises(UsageProblemError, match="two classes of the model are named 'crane'"):
        class_indices({"crane", "cock"}, classes=5, labels=LABELS)


def test_a_class_index_out_of_range_is_refused() -> None:
    with pytest.raises(UsageProblemError, match="class 7 does not exist: the model has classes 0 to 4"):
        class_indices({"0", "7"}, classes=5)


def test_a_photo_outside_the_class_folders_is_refused(make_photos: MakePhotos) -> None:
    with pytest.raises(UsageProblemError, match="is in no class folder"):
        find_labelled(make_photos(2), classes=2)


@pytest.mark.parametrize("header", ["file,class_index", "file,class", "wnid,class_index,file"])
def test_a_csv_names_files_in_its_folder_or_in_images(make_photos: MakePhotos, header: str) -> None:
    make_photos(3, folder="set/images")
    folder = make_photos(0, folder="set")
    rows = [{"file": f"00{i}.png", "class_index": 2 - i, "class": 2 - i, "wnid": "n0"} for i in range(3)]
    lines = [",".join(str(row[column]) for column in header.split(",")) for row in rows]
    (folder / "labels.csv").write_text("\n".join([header, *lines]))
    found = find_labelled(folder / "labels.csv", classes=3)
    assert [(path.name, label) for path, label in found.files] == [
        ("000.png", 2),
        ("001.png", 1),
        ("002.png", 0),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "needs the columns file and class_index"),
        ("file,class_index\n", "a row per photo"),
        ("name,class_index\na.png,1\n", "has: name, class_index"),
        ("file,class_index\ngone.png,1\n", "line 2 names the file 'gone.png'"),
        ("file,class_index\n000.png\n", "cannot be matched"),
        ("file,class_index\n000.png,-1\n", "cannot be matched"),
    ],
)
def test_an_incomplete_csv_is_refused(make_photos: MakePhotos, content: str, message: str) -> None:
    folder = make_photos(1)
    (folder / "labels.csv").write_text(content)
    with pytest.raises(UsageProblemError, match=message):
        find_labelled(folder / "labels.csv", classes=5)


def test_a_binary_file_named_csv_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(bytes(range(256)))
    with pytest.raises(UsageProblemError, match=r"a\.csv"):
        find_labelled(tmp_path / "a.csv", classes=5)
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(UsageProblemError, match="neither a folder"):
        find_labelled(tmp_path / "a.txt", classes=5)
    with pytest.raises(UsageProblemError, match="does not exist"):
        find_labelled(tmp_path / "nowhere.csv", classes=5)


def test_photos_inputs_and_labels_of_samples_correspond(
    make_photos: MakePhotos, preprocessing: Preprocessing, tmp_path: Path
) -> None:
    found = find_labelled(class_folders(make_photos, "1", "0"), classes=2)
    (tmp_path / "classes" / "1" / "broken.jpg").write_text("no photo")
    found = find_labelled(tmp_path / "classes", classes=2)
    samples = labelled_samples(found, name="image", preprocessing=preprocessing, seed=0, work=tmp_path / "work")
    assert samples.labels is not None
    assert samples.photos is not None
    assert samples.labels.tolist() == [0, 0, 1, 1]
    readable = [path for path, _ in found.files if path.name != "broken.jpg"]
    for path, photo, values in zip(readable, samples.photos, samples.inputs["image"], strict=True):
        np.testing.assert_array_equal(photo, preprocessing.photo(Image.open(path)))
        np.testing.assert_array_equal(values, preprocessing.normalise(np.asarray(photo)))
    assert samples.warnings == ("1 unreadable image skipped: broken.jpg",)
    assert len(list(found.photos(preprocessing))) == 4
    assert found.unreadable == ["broken.jpg"], "reading again must not list a file twice"


def test_calibration_photos_are_left_out_of_the_evaluation(
    make_photos: MakePhotos, preprocessing: Preprocessing, tmp_path: Path, pull: Callable[..., Draw]
) -> None:
    folder = class_folders(make_photos, "0", "1", "2")
    drawn = pull(folder, calibration_count=3, probe_count=1)
    samples = labelled_samples(
        find_labelled(folder, classes=3),
        name="image",
        preprocessing=preprocessing,
        seed=0,
        work=tmp_path / "evaluation",
        exclude=drawn.calibration.digests,
    )
    assert len(samples) == 3
    assert not set(samples.digests) & set(drawn.calibration.digests)
    assert samples.warnings == ("3 calibration photos left out of the evaluation",)
