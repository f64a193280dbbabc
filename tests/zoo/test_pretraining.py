from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from tests.zoo.contents import quick
from zoo import datasets
from zoo.errors import OutsideError, UsageProblemError
from zoo.pretraining import COURSES
from zoo.pretraining.__main__ import main
from zoo.pretraining.classification import evaluate, fit, place
from zoo.weights import assign, load
from zoo.weights.readers import npz

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def fashion():
    with np.load(DATA / "fashion_mnist_500.npz") as stored:
        return {name: stored[name] for name in stored.files}


def test_the_shipped_lenet5_classifies_clothes(fashion):
    lenet5 = zoo.find("lenet5")
    model = lenet5.build()
    assert load(model, lenet5, "fashion_mnist").trained
    assert evaluate(model, lenet5.preprocess(), fashion["photos"], fashion["labels"]) > 0.88


TINY_CLASSIFIERS = [
    name for name in zoo.names() if zoo.find(name).trained_as("tiny") and zoo.find(name).task == "classification"
]


@pytest.mark.parametrize("name", quick(TINY_CLASSIFIERS))
def test_the_tiny_variant_classifies_clothes(name, fashion):
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


def test_training_is_effective_and_repeatable(fashion):
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


def test_a_data_set_with_other_bytes_is_refused(tmp_path):
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


RUNS = {
    "lenet5-fashion_mnist.npz": (["lenet5"], "test accuracy, stretched:"),
    "vae-fashion_mnist.npz": (["vae", "--tiny"], "PSNR"),
    "transformer_dates-dates.npz": (["transformer_dates", "--count", "640"], "exact match of 64 held-out dates:"),
    "unet_tiny-canvases.npz": (["unet", "--tiny", "--count", "32"], "mean IoU on 64 test canvases:"),
    "yolo_v4_tiny_tiny-scenes.npz": (["yolo_v4_tiny", "--tiny", "--count", "32"], "AP50 on 64 test scenes:"),
}
# In a process of its own: the command makes all of TensorFlow deterministic. 500 test images in place of a download.
COMMANDS = f"""
import numpy as np
from zoo import datasets
from zoo.pretraining import detection, segmentation, translation
from zoo.pretraining.__main__ import main

with np.load({str(DATA / "fashion_mnist_500.npz")!r}) as stored:
    images, labels = stored["photos"][:, 2:30, 2:30], stored["labels"]
datasets.load = lambda name, split, folder=None: (images, labels)
detection._TEST_COUNT = segmentation._TEST_COUNT = translation._TEST_COUNT = 64
for arguments in {[arguments for arguments, _ in RUNS.values()]!r}:
    main.main([*arguments, "--epochs", "1"], standalone_mode=False)
"""


@pytest.mark.large
def test_one_command_trains_a_network_of_every_task(tmp_path):
    root = Path(zoo.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.count("epoch 1 of 1") == len(RUNS)
    for file, (arguments, measured) in RUNS.items():
        assert measured in done.stdout
        architecture = zoo.find(arguments[0])
        assign(architecture.build(**architecture.tiny), npz.read([tmp_path / file]))


def test_the_task_of_all_shipped_weights_can_be_trained():
    networks = [zoo.find(name) for name in zoo.names()]
    shipped = {
        one.task_for({**one.settings({}), **weights.options})
        for one in networks
        for weights in one.weights
        if weights.sources[0].kind == "shipped"
    }
    assert shipped == set(COURSES)


def test_a_task_without_training_is_refused_in_a_sentence():
    with pytest.raises(UsageProblemError, match="minilm has no training here: its task is embedding"):
        main.main(["minilm"], standalone_mode=False)
