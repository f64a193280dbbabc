"""Masks go through a training run as their photos do, and pixels of no class neither teach nor judge."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import zoo
from calibration.masks import UNJUDGED
from training import tasks
from training.recipe import TrainingRecipe
from training.starting import Start
from training.tasks.segmentation import SEGMENTATION
from training.variations import Variations
from zoo.errors import UsageProblemError
from zoo.weights import LoadedWeights

GREY = 80  # of a pixel, for each number of its class: what a photo shows is what its mask says


def masks(count: int) -> np.ndarray:
    """Return masks (N, 32, 32) of three classes in large pieces, each another one."""
    pieces = np.random.default_rng(0).integers(0, 3, (count, 4, 4), np.uint8)
    return pieces.repeat(8, 1).repeat(8, 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "scenes"
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for index, mask in enumerate(masks(10)):
        Image.fromarray(mask * GREY).save(folder / "images" / f"{index}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{index}.png")
    return folder


def recipe(folder: Path) -> TrainingRecipe:
    return TrainingRecipe(model="unet", data=str(folder), out=Path("my.keras"), validation=0.3)


def start() -> Start:
    """Return a network that knows the grey of each class, and takes 2 for 1."""
    image = keras.Input((32, 32, 1))
    head = keras.layers.Conv2D(3, 1)
    model = keras.Model(image, head(image))
    head.set_weights([np.array([[[[0, 100, 0]]]], np.float32), np.array([0, -10, -1000], np.float32)])
    lenet5 = zoo.find("lenet5")
    return Start(
        model=model,
        detection=None,
        inputs=lenet5.inputs(**lenet5.settings({})),
        weights=LoadedWeights(name="mine", trained=True, source="a file", sha256=""),
        new=(),
        architecture="mine",
        title="Mine",
        task="segmentation",
    )


def test_every_photo_keeps_its_mask_and_is_on_one_side(folder: Path, tmp_path: Path) -> None:
    lesson = tasks.find("segmentation", "").find(recipe(folder))
    assert lesson.classes == ("class 0", "class 1", "class 2")
    parts = lesson.examples(start().preprocessing, tmp_path)
    assert (len(parts.train), len(parts.validation), parts.test) == (7, 3, None)
    for part in (parts.train, parts.validation):
        assert np.array_equal(part.photos[..., 0], part.answers * GREY)
    found = {mask.tobytes() for part in (parts.train, parts.validation) for mask in part.answers}
    assert found == {mask.tobytes() for mask in masks(10)}


def test_a_file_beside_them_names_the_classes_also_those_that_no_mask_shows(folder: Path) -> None:
    (folder / "classes.txt").write_text("ground\nhouse\ntree\nsky\n")
    lesson = SEGMENTATION.find(recipe(folder))
    assert lesson.classes == ("ground", "house", "tree", "sky")
    assert SEGMENTATION.options(lesson.classes) == {"classes": 4}


def test_pixels_of_no_class_make_no_class(folder: Path) -> None:
    mask = masks(1)[0]
    mask[:4] = UNJUDGED
    Image.fromarray(mask).save(folder / "masks" / "0.png")
    assert len(SEGMENTATION.find(recipe(folder)).classes) == 3


def test_masks_of_one_class_and_what_is_no_folder_of_masks_are_refused(folder: Path) -> None:
    for path in (folder / "masks").iterdir():
        Image.fromarray(np.zeros((32, 32), np.uint8)).save(path)
    with pytest.raises(UsageProblemError, match="hold one class"):
        SEGMENTATION.find(recipe(folder))
    with pytest.raises(UsageProblemError, match="is no folder with images"):
        SEGMENTATION.find(recipe(folder / "none"))
    (folder / "masks" / "3.png").write_bytes(b"nothing")
    with pytest.raises(UsageProblemError, match=r"3\.png cannot be read"):
        SEGMENTATION.find(recipe(folder))


@pytest.mark.parametrize("mirrored", [True, False])
def test_a_mask_is_moved_as_its_photo_and_has_no_classes_in_between(mirrored: bool) -> None:
    truth = masks(8)
    truth[truth == 1] = 0  # between 0 and 2 there would be a 1
    photos = truth[..., None] * GREY
    varied = Variations(mirrored=mirrored)
    moved, answers = varied.moved(photos, truth, np.random.default_rng(1))
    assert answers is not None
    assert set(np.unique(answers)) == {0, 2}
    assert (answers != truth).mean() > 0.05
    # All but the seams of photos, whose pixels are mixed of two.
    assert ((moved[..., 0] > GREY) == (answers == 2)).mean() > 0.95
    inputs, lit = SEGMENTATION.batch(start(), photos, truth, varied, np.random.default_rng(1))
    assert np.asarray(inputs).max() <= 1
    assert ((np.asarray(inputs)[..., 0] > GREY / 255) == (lit == 2)).mean() > 0.9


@pytest.mark.parametrize("mirrored", [True, False])
def test_only_what_may_be_mirrored_is(mirrored: bool) -> None:
    photos = np.zeros((40, 32, 32, 1), np.uint8)
    photos[:, :, 16:] = 255
    moved, _ = Variations(mirrored=mirrored).moved(photos, None, np.random.default_rng(0))
    turned = moved[:, :, :8].mean((1, 2, 3)) > moved[:, :, -8:].mean((1, 2, 3))
    assert 10 < turned.sum() < 30 if mirrored else not turned.any()


def test_without_variations_photos_and_masks_are_as_they_are() -> None:
    truth = masks(2)
    inputs, answers = SEGMENTATION.batch(start(), truth[..., None] * GREY, truth, None, np.random.default_rng(0))
    assert np.allclose(np.asarray(inputs)[..., 0] * 255, truth * GREY, atol=1e-3)
    assert np.array_equal(answers, truth)


def test_pixels_of_no_class_teach_nothing() -> None:
    (loss,) = SEGMENTATION.losses(start())
    logits = np.random.default_rng(0).normal(size=(1, 4, 4, 3)).astype(np.float32)
    truth = masks(1)[:, ::8, ::8].copy()
    truth[0, 0] = UNJUDGED
    other = logits.copy()
    other[0, 0] += 100 * np.random.default_rng(1).normal(size=(4, 3))
    assert float(loss(truth, logits)) == float(loss(truth, other))
    below = np.take_along_axis(logits[0, 1:], truth[0, 1:, :, None].astype(int), -1)[..., 0]
    right = (np.log(np.exp(logits[0, 1:]).sum(-1)) - below).mean()
    assert float(loss(truth, logits)) == pytest.approx(right, rel=1e-5)


def test_pixels_of_no_class_judge_nothing() -> None:
    from training.tasks import Examples

    truth = np.zeros((70, 32, 32), np.uint8)  # more than are asked at once
    truth[:, :16] = 1
    truth[:, 24:] = 2  # taken for 1: a quarter of all
    photos = truth[..., None] * GREY
    judged = SEGMENTATION.judge(start(), Examples(photos=photos, answers=truth))
    assert judged == {"mean_iou": pytest.approx((1 + 16 / 24 + 0) / 3)}
    truth[:, 24:] = UNJUDGED
    truth[64:] = truth[64:, ::-1].copy()
    photos = truth[..., None] * GREY
    assert SEGMENTATION.judge(start(), Examples(photos=photos, answers=truth)) == {"mean_iou": 1.0}
