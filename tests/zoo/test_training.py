from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from tests.zoo.contents import quick
from zoo import datasets
from zoo.errors import OutsideError
from zoo.training import evaluate, fit, place
from zoo.weights import load

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def fashion():
    with np.load(DATA / "fashion_mnist_500.npz") as stored:
        return {name: stored[name] for name in stored.files}


def test_the_shipped_lenet5_reads_clothes(fashion):
    lenet5 = zoo.find("lenet5")
    model = lenet5.build()
    assert load(model, lenet5, "fashion_mnist").trained
    assert evaluate(model, lenet5.preprocess(), fashion["photos"], fashion["labels"]) > 0.88


TWINS = [name for name in zoo.names() if zoo.find(name).trained_as("tiny") and zoo.find(name).task == "classification"]


@pytest.mark.parametrize("name", quick(TWINS))
def test_a_small_twin_reads_clothes(name, fashion):
    architecture = zoo.find(name)
    model, preprocessing = architecture.build(**architecture.tiny), architecture.preprocess(**architecture.tiny)
    assert load(model, architecture, "tiny").trained
    photos = np.repeat(fashion["photos"], preprocessing.channels, axis=-1)
    assert evaluate(model, preprocessing, photos, fashion["labels"]) > 0.88


def test_the_test_photos_are_balanced_and_never_calibrate(fashion):
    assert np.bincount(fashion["labels"]).tolist() == [50] * 10
    probes, calibration = (
        {hashlib.sha256(photo).digest() for photo in fashion[name]} for name in ("photos", "calibration_photos")
    )
    assert len(probes) == 500
    assert not probes & calibration


def test_training_learns_and_repeats(fashion):
    lenet5 = zoo.find("lenet5")
    weights = []
    for _ in range(2):
        model = lenet5.build()
        load(model, lenet5, "random", seed=1)
        before = evaluate(model, lenet5.preprocess(), fashion["photos"], fashion["labels"])
        fit(model, lenet5.preprocess(), fashion["photos"], fashion["labels"], epochs=12, seed=1)
        after = evaluate(model, lenet5.preprocess(), fashion["photos"], fashion["labels"])
        weights.append([weight.numpy() for weight in model.weights])
    assert after > before + 0.3
    assert all(np.array_equal(first, second) for first, second in zip(*weights, strict=True))


@pytest.mark.parametrize("name", ["lenet5", "mobilenet"])
def test_images_are_placed_in_the_frame_or_stretched_over_it(name):
    architecture = zoo.find(name)
    preprocessing = architecture.preprocess(**architecture.tiny)
    images = np.random.default_rng(0).integers(0, 256, (2, 28, 28), np.uint8)
    framed, stretched = (place(images, preprocessing, pad=pad) for pad in (True, False))
    assert (framed[:, 2:30, 2:30] == images[..., None]).all()
    assert framed.sum() == images.sum() * framed.shape[-1]
    expected = np.asarray(Image.fromarray(images[1]).resize((32, 32), Image.Resampling.BILINEAR))
    assert (stretched[1] == expected[..., None]).all()


def test_a_data_set_with_other_bytes_is_not_believed(tmp_path):
    with pytest.raises(OutsideError, match="does not hold"):
        datasets.load("fashion_mnist", "test", tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"other images"))
    with pytest.raises(OutsideError, match="wrong sha256"):
        datasets.load("fashion_mnist", "test", tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(b"no gzip")
    with pytest.raises(OutsideError, match="wrong sha256"):
        datasets.load("fashion_mnist", "test", tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"other images")[:-6])
    with pytest.raises(OutsideError, match="damaged"):
        datasets.load("fashion_mnist", "test", tmp_path)
