"""Convert a user's arrays to samples of the model; arrays that do not fit are refused with one sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from calibration.inputs import InputSpec, Sample, are_texts, cast, check_castable, check_shape, numbers_of
from calibration.samples import Array
from calibration.sources.request import Request
from zoo.errors import UsageProblemError
from zoo.preprocessing import Preprocessing

# A hundred photos nearly always span black to white; data from another preprocessing often does not.
USUAL_COVER = 0.6


def as_sample(what: str, values: Mapping[str, Array], request: Request) -> Sample:
    """Return the sample that consists of `values`, arrays without a batch axis.

    Camera bytes (uint8) of the image input are preprocessed; all other arrays must be preprocessed already.

    Args:
        what: name of the source for messages.
        values: arrays by input name, one for every input.
        request: the model's inputs.

    Raises:
        UsageProblemError: the model does not take an array's shape, type or values.
    """
    shaped = {name: _shaped(what, name, spec, values[name]) for name, spec in request.inputs.items()}
    image, preprocessing = request.photo_input, request.preprocessing
    photo = None
    if image is not None and preprocessing is not None:
        if shaped[image].dtype == np.uint8:
            photo = np.array(shaped[image])
            shaped[image] = preprocessing.normalise(photo)
        else:
            _check_span(what, image, shaped[image], preprocessing)
    for name, spec in request.inputs.items():
        check_castable(what, name, spec, shaped[name].dtype)
    made = {name: cast(what, name, spec, shaped[name]) for name, spec in request.inputs.items()}
    return Sample(inputs=made, photo=photo)


def watched(stream: Iterable[Sample], request: Request, notes: list[str]) -> Iterator[Sample]:
    """Yield the samples; keep a warning in `notes` while they span little of the preprocessing's range."""
    image, preprocessing = request.photo_input, request.preprocessing
    low, high = math.inf, -math.inf
    for count, sample in enumerate(stream, 1):
        if image is not None and preprocessing is not None:
            low = min(low, float(sample.inputs[image].min()))
            high = max(high, float(sample.inputs[image].max()))
            first, last = span(preprocessing)
            narrow = count >= 10 and high - low < USUAL_COVER * (last - first)
            notes[:] = [_narrow(image, low, high, first, last)] if narrow else []
        yield sample


def span(preprocessing: Preprocessing) -> tuple[float, float]:
    """Return the smallest and the largest value that the preprocessing can produce."""
    black_and_white = np.array([[[0], [255]]], np.uint8).repeat(preprocessing.channels, axis=-1)
    ends = preprocessing.normalise(black_and_white)
    return float(ends.min()), float(ends.max())


def _shaped(what: str, name: str, spec: InputSpec, values: Array) -> Array:
    if are_texts(spec, values):
        (values,) = numbers_of(what, name, spec, values)
    if spec.shape[-1:] == (1,) and values.shape == spec.shape[:-1]:
        values = values.reshape(spec.shape)  # grey photos often come without a channel axis
    check_shape(what, name, spec, values.shape)
    return values


def _check_span(what: str, name: str, values: Array, preprocessing: Preprocessing) -> None:
    if values.dtype.kind not in "iuf" or not values.size:
        return
    (first, last), low, high = span(preprocessing), float(values.min()), float(values.max())
    slack = 0.01 * (last - first)
    outside = low < first - slack or high > last + slack
    if outside and math.isfinite(low + high):  # `cast` refuses NaN and infinity
        raise UsageProblemError(
            f"{what}: {name!r} ranges from {low:g} to {high:g}, but this model's preprocessing gives "
            f"{first:g} to {last:g}; give the photos as uint8 camera bytes, or preprocessed for this model"
        )


def _narrow(name: str, low: float, high: float, first: float, last: float) -> str:
    return (
        f"{name!r} ranges only from {low:g} to {high:g}, but this model's preprocessing gives "
        f"{first:g} to {last:g}: did the data come from another preprocessing?"
    )
