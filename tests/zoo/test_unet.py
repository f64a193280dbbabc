from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo import class_names, unet
from zoo.pretraining.cross_entropy import batches
from zoo.pretraining.segmentation import evaluate
from zoo.segmentation.canvases import CLASSES, GROUPS, PHOTOS, compose, open_photos
from zoo.segmentation.scores import confusion, mean_iou
from zoo.weights import load, random_weights

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def canvases():
    with np.load(DATA / "fashion_mnist_500.npz") as stored:
        clothes, labels = stored["photos"][:, 2:30, 2:30, 0], stored["labels"]
    return compose(clothes, labels, open_photos(PHOTOS["test"]), 100, 64, np.random.default_rng(0))


def test_the_default_is_the_network_of_the_paper():
    # Figure 1, counted by its boxes: two 3x3 convolutions a level, 2x2 up-convolutions, one 1x1 at the end.
    down = [(1, 64), (64, 128), (128, 256), (256, 512), (512, 1024)]
    up = [(wide, narrow) for narrow, wide in down[:0:-1]]
    numbers = sum(9 * (one * two + two * two) + 2 * two for one, two in [*down, *up])
    numbers += sum(4 * one * two + two for one, two in up) + 64 * 2 + 2
    assert numbers == zoo.find("unet").parameter_count


@pytest.mark.parametrize("channels", [1, 3])
def test_every_pixel_gets_a_row_of_logits(channels):
    model = unet.build(resolution=48, channels=channels, width=4, classes=5)
    assert model.output_shape == (None, 48, 48, 5)
    assert unet.preprocess(resolution=48, channels=channels).shape == model.input_shape[1:]


def test_an_output_pixel_depends_on_details_and_on_wide_surroundings():
    model = unet.build(**unet.TINY | {"classes": 2})
    image = np.zeros((1, 64, 64, 1), np.float32)
    plain = model(image).numpy()
    image[0, 32, 32] = 1
    moved = np.abs(model(image).numpy() - plain).max(axis=(0, 3))
    assert moved[32, 32] > 0
    assert moved[32, 44] > 0  # what only the levels below see


def test_random_weights_keep_the_variance_through_a_transposed_convolution():
    from keras import layers

    model = unet.build(resolution=32, width=64, depth=1)
    random_weights.fill(model, unet.preprocess(), seed=0)
    (grow,) = (layer for layer in model.layers if isinstance(layer, layers.Conv2DTranspose))
    wide = np.random.default_rng(0).standard_normal((4, 16, 16, 128), np.float32)
    assert np.sqrt(2) * 0.9 < grow(wide).numpy().std() / wide.std() < np.sqrt(2) * 1.1  # half is lost to a ReLU


def test_masks_move_with_their_photos():
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 9, (16, 12, 10), np.uint8)
    for photos, moved in batches(masks[..., None].copy(), masks.copy(), 8, rng):
        assert (photos[..., 0] == moved).all()
        assert photos.shape == (8, 12, 10, 1)


def test_mean_iou_of_masks_counted_by_hand():
    truth = np.array([[0, 0, 1, 1]])
    found = np.array([[0, 1, 1, 1]])
    counts = confusion(truth, found, 2)
    assert counts.tolist() == [[1, 1], [0, 2]]
    assert mean_iou(counts) == pytest.approx((1 / 2 + 2 / 3) / 2, abs=1e-15)


def test_mean_iou_is_one_for_equal_masks_and_zero_for_different_ones():
    mask = np.array([0, 1, 2])
    assert mean_iou(confusion(mask, mask, 3)) == 1
    assert mean_iou(confusion(mask, (mask + 1) % 3, 3)) == 0


def test_a_class_in_neither_mask_is_not_counted_and_one_in_either_is():
    truth, found = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 3])
    assert mean_iou(confusion(truth, found, 5)) == pytest.approx((1 + 1 / 2 + 0) / 3)


@pytest.mark.parametrize(
    ("truth", "found", "complaint"),
    [
        (np.zeros((2, 2), np.uint8), np.zeros(4, np.uint8), "differ in shape"),
        (np.array([0, 6]), np.array([0, 0]), "the truth holds 0 to 6"),
        (np.array([0, 0]), np.array([0, -1]), "the found holds -1 to 0"),
    ],
)
def test_masks_that_cannot_be_compared_are_refused(truth, found, complaint):
    with pytest.raises(ValueError, match=complaint):
        confusion(truth, found, 6)
    with pytest.raises(ValueError, match="no pixels"):
        mean_iou(np.zeros((2, 2), np.int64))


def test_the_tiny_variant_segments_test_clothes_on_test_photos(canvases):
    architecture = zoo.find("unet")
    model, preprocessing = architecture.build(**architecture.tiny), architecture.preprocess(**architecture.tiny)
    assert load(model, architecture, "tiny").trained
    assert evaluate(model, preprocessing, canvases.photos, canvases.masks) > 0.6


def test_canvases_hold_every_group_and_test_ones_other_photos(canvases):
    assert set(np.unique(canvases.masks)) == set(range(CLASSES)) == {0, *GROUPS}
    assert len(class_names.read("clothes_groups")) == CLASSES
    assert not set(PHOTOS["train"]) & set(PHOTOS["test"])
    assert (canvases.photos[..., 0][canvases.masks > 0] >= 24).all()
