"""Synthetic images and built-in photos for calibration; the proof runs on other built-in photos.

Synthetic images alone are not enough: they show no clear objects, so the observed range of the outputs is too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from calibration.inputs import Sample, photo_sample
from calibration.sources.builtin import open_builtin
from calibration.sources.request import Request, Stream
from zoo.preprocessing import Preprocessing

NAME = "synthetic"
SYNTHETIC_PERIOD = 3  # one in three calibration samples is synthetic

# Takes a preprocessing and a count; yields at most that many images (height, width, channels).
Maker = Callable[[Preprocessing, int], Iterable[NDArray[np.uint8]]]


def open_synthetic(maker: Maker, request: Request) -> Stream:
    """Return synthetic images and crops of photos for calibration, and crops of other photos for the proof.

    Raises:
        UsageProblemError: the model does not take exactly one image, or `maker` does not support the model.
    """
    builtin = open_builtin(request)
    assert isinstance(builtin.samples, tuple)  # the calibration and the probe stream
    calibration, proof = builtin.samples
    return Stream(
        source=f"synthetic images from the network's batch norm statistics, for calibration only; {builtin.source}",
        samples=(chain(_made(maker, request), calibration), proof),
        photos=True,
        warnings=["calibrated on synthetic images: samples of your own, even a few dozen, are better"],
    )


def _made(maker: Maker, request: Request) -> Iterator[Sample]:
    name, preprocessing = request.only_photo_input, request.preprocessing
    assert name is not None  # `open_builtin` has checked both
    assert preprocessing is not None
    for image in maker(preprocessing, -(-request.counts[0] // SYNTHETIC_PERIOD)):
        yield photo_sample(name, image, preprocessing)
