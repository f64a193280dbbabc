"""Masks are augmented like their photos; pixels without a class count neither in the loss nor in the scores."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import zoo
from calibration.masks import UNJUDGED
from training import tasks
from training.augmentation import Augmentation
from training.recipe import TrainingRecipe
from training.start import Start
from training.tasks.segmentation import SEGMENTATION
from training.tasks.task import of_photos
from zoo.errors import UsageProblemError
from zoo.weights import LoadedWeights

GREY = 80  # grey level of a photo per class index, so that photos can be compared with their masks


def masks(count: int) -> np.ndarray:
    """Return different masks (N, 32, 32) with large areas of three classes."""
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
    """Return a network that predicts the classes from grey levels, but predicts class 1 for class 2."""
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


def test_photos_keep_their_masks_and_are_in_one_part(folder: Path, tmp_path: Path) -> None:
    data = tasks.find("segmentation", "").find(recipe(folder))
    assert data.classes == ("class 0", "class 1", "class 2")
    parts = data.examples(start(), tmp_path)
    assert (len(parts.train), len(parts.validation), parts.test) == (7, 3, None)
    for part in (parts.train, parts.validation):
        assert np.array_equal(part.photos[..., 0], part.annotations * GREY)
    found = {mask.tobytes() for part in (parts.train, parts.validation) for mask in part.annotations}
    assert found == {mask.tobytes() for mask in masks(10)}


def test_classes_txt_names_all_classes_even_without_pixels(folder: Path) -> None:
    (folder / "classes.txt").write_text("ground\nhouse\ntree\nsky\n")
    data = SEGMENTATION.find(recipe(folder))
    assert data.classes == ("ground", "house", "tree", "sky")
    assert SEGMENTATION.options(data.classes) == {"classes": 4}


def test_pixels_without_a_class_add_no_class(folder: Path) -> None:
    mask = masks(1)[0]
    mask[:4] = UNJUDGED
    Image.fromarray(mask).save(folder / "masks" / "0.png")
    assert len(SEGMENTATION.find(recipe(folder)).classes) == 3


def test_single_class_masks_and_invalid_folders_are_refused(folder: Path) -> None:
    for path in (folder / "masks").iterdir():
        Image.fromarray(np.zeros((32, 32), np.uint8)).save(path)
    with pytest.raises(UsageProblemError, match="have only one class"):
        SEGMENTATION.find(recipe(folder))
    with pytest.raises(UsageProblemError, match="is not a folder with images"):
        SEGMENTATION.find(recipe(folder / "none"))
    (folder / "masks" / "3.png").write_bytes(b"nothing")
    with pytest.raises(UsageProblemError, match=r"3\.png cannot be read"):
        SEGMENTATION.find(recipe(folder))


@pytest.mark.parametrize("mirrored", [True, False])
def test_masks_are_moved_like_their_photos_without_interpolation(mirrored: bool) -> None:
    truth = masks(8)
    truth[truth == 1] = 0  # interpolation between 0 and 2 would give 1
    photos = truth[..., None] * GREY
    augmentation = Augmentation(mirrored=mirrored)
    moved, moved_masks = augmentation.moved(photos, truth, np.random.default_rng(1))
    assert moved_masks is not None
    assert set(np.unique(moved_masks)) == {0, 2}
    assert (moved_masks != truth).mean() > 0.05
    # Photos are interpolated at the borders between areas.
    assert ((moved[..., 0] > GREY) == (moved_masks == 2)).mean() > 0.95
    inputs, lit = SEGMENTATION.batch(start(), of_photos(photos, truth), augmentation, np.random.default_rng(1))
    assert np.asarray(inputs).max() <= 1
    assert ((np.asarray(inputs)[..., 0] > GREY / 255) == (lit == 2)).mean() > 0.9


@pytest.mark.parametrize("mirrored", [True, False])
def test_photos_are_mirrored_only_if_allowed(mirrored: bool) -> None:
    photos = np.zeros((40, 32, 32, 1), np.uint8)
    photos[:, :, 16:] = 255
    moved, _ = Augmentation(mirrored=mirrored).moved(photos, None, np.random.default_rng(0))
    turned = moved[:, :, :8].mean((1, 2, 3)) > moved[:, :, -8:].mean((1, 2, 3))
    assert 10 < turned.sum() < 30 if mirrored else not turned.any()


def test_without_augmentation_photos_and_masks_are_unchanged() -> None:
    truth = masks(2)
    examples = of_photos(truth[..., None] * GREY, truth)
    inputs, moved_masks = SEGMENTATION.batch(start(), examples, None, np.random.default_rng(0))
    assert np.allclose(np.asarray(inputs)[..., 0] * 255, truth * GREY, atol=1e-3)
    assert np.array_equal(moved_masks, truth)


def test_pixels_without_a_class_do_not_count_in_the_loss() -> None:
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


def test_pixels_without_a_class_do_not_count_in_the_scores() -> None:
    truth = np.zeros((70, 32, 32), np.uint8)  # more than one batch
    truth[:, :16] = 1
    truth[:, 24:] = 2  # predicted as 1: a quarter of all pixels
    photos = truth[..., None] * GREY
    scores = SEGMENTATION.evaluate(start(), of_photos(photos, truth))
    assert scores == {"mean_iou": pytest.approx((1 + 16 / 24 + 0) / 3)}
    truth[:, 24:] = UNJUDGED
    truth[64:] = truth[64:, ::-1].copy()
    photos = truth[..., None] * GREY
    assert SEGMENTATION.evaluate(start(), of_photos(photos, truth)) == {"mean_iou": 1.0}
