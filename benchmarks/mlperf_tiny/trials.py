"""The data on which the networks of MLPerf Tiny are compared; none of it calibrated our files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import zoo
from benchmarks.mlperf_tiny import files, spoken, toy_cars
from calibration.samples import Array
from zoo import datasets

SEED = 1  # the built-in samples, on which our files are calibrated, have seed 0
COCO = "ZOO_COCO_SAMPLE"
PERSON_SHARE = 0.005  # of the photo's area, from which on a person counts: that of the Visual Wake Words
TONE_DB = 6.0  # how much louder one in eight bands of an anomalous spectrum is


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Inputs of a network.

    Attributes:
        words: what they are, and how many.
        inputs: float32 (N, ...).
        labels: class indices (N,), or 1 for an anomaly; None if unknown.
    """

    words: str
    inputs: Array
    labels: Array | None = None


def of_network(name: str) -> Iterator[Trial]:
    """Yield what the network is compared on."""
    yield from _TRIALS[name]()


def _photos() -> Iterator[Trial]:
    images, labels = datasets.load("cifar10", "test")
    yield Trial(
        words="CIFAR-10, 10,000 test pictures",
        inputs=zoo.find("mlperf_resnet8").preprocess().normalise(images),
        labels=labels.astype(int),
    )


def _persons() -> Iterator[Trial]:
    """Yield the photos of COCO in $ZOO_COCO_SAMPLE, a folder with images/ and instances.json."""
    if COCO not in os.environ:
        return
    folder, preprocessing = Path(os.environ[COCO]), zoo.find("mlperf_vww").preprocess()
    described = json.loads((folder / "instances.json").read_text(encoding="utf-8"))
    (person,) = (one["id"] for one in described["categories"] if one["name"] == "person")
    area = {one["id"]: one["width"] * one["height"] for one in described["images"]}
    largest = dict.fromkeys(area, 0.0)
    for one in described["annotations"]:
        if one["category_id"] == person:
            share = one["bbox"][2] * one["bbox"][3] / area[one["image_id"]]
            largest[one["image_id"]] = max(share, largest[one["image_id"]])
    photos = []
    for one in described["images"]:
        with Image.open(folder / "images" / one["file_name"]) as photo:
            photos.append(preprocessing.photo(photo))
    yield Trial(
        words=f"COCO, {len(photos)} photos",
        inputs=preprocessing.normalise(np.stack(photos)),
        labels=np.array([int(largest[one["id"]] > PERSON_SHARE) for one in described["images"]]),
    )


def _keywords() -> Iterator[Trial]:
    inputs, labels = spoken.keywords(SEED, per_class=40)
    yield Trial(words=f"{len(inputs)} sounds, words by espeak-ng", inputs=inputs.astype(np.float32), labels=labels)


def _wake_word() -> Iterator[Trial]:
    inputs, labels = files.recorded_words()
    yield Trial(words=f"{len(inputs)} recordings, which calibrated MLPerf's file", inputs=inputs, labels=labels)
    inputs, labels = spoken.wake_word(SEED, per_class=100)
    yield Trial(words=f"{len(inputs)} sounds, words by espeak-ng", inputs=inputs.astype(np.float32), labels=labels)


def _toy_cars() -> Iterator[Trial]:
    """Yield spectra that the network itself makes; half of them with some bands louder, at all times."""
    spectra = toy_cars.spectra(SEED, count=1000)
    rng, labels = np.random.default_rng(SEED), np.arange(len(spectra)) % 2
    louder = TONE_DB * (rng.random((len(spectra), 1, 128)) < 1 / 8) * labels[:, None, None]
    inputs = (spectra.reshape(len(spectra), -1, 128) + louder).reshape(spectra.shape).astype(np.float32)
    yield Trial(words=f"{len(inputs)} spectra that it makes itself", inputs=inputs, labels=labels)


_TRIALS: Mapping[str, Callable[[], Iterator[Trial]]] = {
    "mlperf_resnet8": _photos,
    "mlperf_vww": _persons,
    "mlperf_kws": _keywords,
    "mlperf_autoencoder": _toy_cars,
    "mlperf_wakeword": _wake_word,
}
NAMES = tuple(_TRIALS)
