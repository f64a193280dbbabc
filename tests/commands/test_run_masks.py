"""`zoo run` of a segmentation model: the share of each class, and the mask as PNG."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.analysis.tasks.segmentation.outputs import write_mask
from export.cli.main import main
from zoo.errors import UsageProblemError
from zoo.segmentation import canvases

FASHION = Path(__file__).parents[1] / "data" / "fashion_mnist_500.npz"
COUNT = 8


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `unet-tiny` of a float export, and clothes on photos in `canvases`."""
    folder = tmp_path_factory.mktemp("unet")
    with np.load(FASHION) as arrays:
        clothes, labels = arrays["photos"][:, 2:30, 2:30, 0], arrays["labels"]
    photos = canvases.open_photos(canvases.PHOTOS["test"])
    canvases.write(canvases.compose(clothes, labels, photos, COUNT, 64, np.random.default_rng(0)), folder / "canvases")
    assert main(["export", "unet", "--weights", "tiny", "--precision", "float32", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def seen(work: Path) -> list[Path]:
    return sorted((work / "canvases" / "images").iterdir())


def indices(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        assert picture.mode == "P"  # a viewer shows classes as colours, and the file still holds their numbers
        return np.asarray(picture)


def test_mask_matches_the_labels_and_areas_match_the_mask(
    work: Path, seen: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, right = tmp_path / "mask.png", []
    for photo in seen:
        assert main(["run", str(work / "unet-tiny"), str(photo), "--out", str(out), "--json", "--top", "9"]) == 0
        (prediction,) = json.loads(capsys.readouterr().out)["answers"]
        mask = indices(out)
        right.append(np.mean(mask == np.asarray(Image.open(work / "canvases" / "masks" / photo.name))))
        shares = {area["index"]: area["share"] for area in prediction["areas"]}
        assert shares == {index: np.mean(mask == index) for index in np.unique(mask)}
        assert sorted(shares.values(), reverse=True) == list(shares.values())
    assert np.mean(right) > 0.9  # mean IoU is .70 and more; most pixels are background


def test_table_shows_areas_by_class_name(work: Path, seen: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(work / "unet-tiny"), *map(str, seen[:2]), "--top", "1"]) == 0
    title, largest, *_ = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    names = (work / "unet-tiny" / "labels.txt").read_text().splitlines()
    assert seen[0].name in title
    assert "%" in largest
    assert "━" in largest
    assert any(largest.endswith(name) for name in names)


@pytest.mark.parametrize(
    ("count", "out", "words"),
    [
        (2, "mask.png", "the prediction for only one photo"),
        (1, "none/mask.png", "type a file name in an existing folder"),
    ],
)
def test_mask_that_cannot_be_written_is_a_usage_error(
    count: int, out: str, words: str, work: Path, seen: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = map(str, seen[:count])
    assert main(["run", str(work / "unet-tiny"), *photos, "--out", str(tmp_path / out)]) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


def test_mask_of_a_classifier_is_rejected(exported: Path, seen: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(exported), str(seen[0]), "--out", "mask.png"]) == 2
    assert "does not predict pictures" in capsys.readouterr().err
    assert not Path("mask.png").exists()


def test_mask_with_too_many_classes_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(UsageProblemError, match="does not fit"):
        write_mask(tmp_path / "a.png", np.array([[255]]))
