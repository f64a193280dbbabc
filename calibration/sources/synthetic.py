"""Made images and the built-in photos together, for calibration; the proof runs on other built-in photos.

Made images alone are not enough: nothing is seen clearly in them, and the range of the answers comes out too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from calibration.inputs import Sample, image_input, photo_sample
from calibration.sources.builtin import open_builtin
from calibration.sources.request import Request, Stream
from zoo.preprocessing import Preprocessing

NAME = "synthetic"
MADE_SHARE = 3  # one in so many calibration samples is made

# Of a preprocessing and a count: yields so many images, or fewer.
Maker = Callable[[Preprocessing, int], Iterable[NDArray[np.uint8]]]


def open_synthetic(maker: Maker, request: Request) -> Stream:
    """Return the images that `maker` yields and crops of photos, and crops of other photos for the proof.

    Raises:
        UsageProblemError: the model does not take one image, or the maker cannot make images for it.
    """
    builtin = open_builtin(request)
    assert isinstance(builtin.samples, tuple)  # a set for calibration and one for the proof
    calibration, proof = builtin.samples
    return Stream(
        source=f"synthetic images made of the network's own batch norms, for calibration only; {builtin.source}",
        samples=(chain(_made(maker, request), calibration), proof),
        photos=True,
        warnings=["calibrated on synthetic images: samples of your own, even a few dozen, are better"],
    )


def _made(maker: Maker, request: Request) -> Iterator[Sample]:
    name, preprocessing = image_input(request.inputs, request.preprocessing), request.preprocessing
    assert name is not None  # the photos need both
    assert preprocessing is not None
    for image in maker(preprocessing, -(-request.counts[0] // MADE_SHARE)):
        yield photo_sample(name, image, preprocessing)
