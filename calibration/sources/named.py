"""Samples from the training split of a named data set; its test split is reserved for evaluation."""

from __future__ import annotations

import numpy as np

from calibration.inputs import describe, photo_sample
from calibration.sources.request import Request, Stream
from zoo import datasets
from zoo.errors import UsageProblemError

_SPARE = 4  # times as many pictures as requested, because repeated ones are left out


def open_named(name: str, request: Request) -> Stream:
    """Return training pictures of the data set, in an order determined by the seed.

    Raises:
        UsageProblemError: the model takes no photos.
        OutsideError: the data set cannot be read or downloaded.
    """
    preprocessing = request.preprocessing
    image = request.only_photo_input
    if image is None or preprocessing is None:
        raise UsageProblemError(
            f"--calibration {name} needs a model with one image input and a known preprocessing (--preprocessing raw, "
            f"unit, tf, caffe or torch); for this model give an .npz with: {describe(request.inputs)}"
        )
    data = datasets.find(name)
    pictures, _ = data.read("train", None)
    chosen = np.random.default_rng(request.seed).permutation(len(pictures))[: _SPARE * request.total]
    return Stream(
        source=f"{data.title}, training pictures",
        samples=(
            photo_sample(image, preprocessing.photo(datasets.image(pictures[index])), preprocessing) for index in chosen
        ),
        photos=True,
    )
