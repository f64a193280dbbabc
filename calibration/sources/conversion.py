"""From a user's arrays to samples that the model takes; what does not fit is refused in one sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from calibration.inputs import InputSpec, Sample, cast, check_castable, check_shape, image_input, photo_sample
from calibration.samples import Array
from calibration.sources.request import Request
from zoo.errors import UsageProblemError
from zoo.preprocessing import Preprocessing

# A hundred photos nearly always reach from black to white; data of another preprocessing often does not.
USUAL_COVER = 0.6


def as_sample(what: str, values: Mapping[str, Array], request: Request) -> Sample:
    """Return one sample of one sample's arrays by name, without batch.

    Camera bytes (uint8) of the right shape go through the preprocessing; all else must be ready for use.

    Args:
        what: names the source in messages.
        values: must hold every input.
        request: the model's inputs.

    Raises:
        UsageProblemError: shape, type or values that the model does not take.
    """
    shaped = {name: _shaped(what, name, spec, values[name]) for name, spec in request.inputs.items()}
    image, preprocessing = image_input(request.inputs, request.preprocessing), request.preprocessing
    if image is not None and preprocessing is not None:
        if shaped[image].dtype == np.uint8:
            return photo_sample(image, np.array(shaped[image]), preprocessing)
        _check_span(what, image, shaped[image], preprocessing)
    for name, spec in request.inputs.items():
        check_castable(what, name, spec, shaped[name].dtype)
    return Sample(inputs={name: cast(what, name, spec, shaped[name]) for name, spec in request.inputs.items()})


def watched(stream: Iterable[Sample], request: Request, notes: list[str]) -> Iterator[Sample]:
    """Pass samples on, and note if all together they cover little of what the preprocessing gives."""
    image, preprocessing = image_input(request.inputs, request.preprocessing), request.preprocessing
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
    """Return the smallest and the largest number that the preprocessing can give."""
    black_and_white = np.array([[[0], [255]]], np.uint8).repeat(preprocessing.channels, axis=-1)
    ends = preprocessing.normalise(black_and_white)
    return float(ends.min()), float(ends.max())


def _shaped(what: str, name: str, spec: InputSpec, values: Array) -> Array:
    if spec.shape[-1:] == (1,) and values.shape == spec.shape[:-1]:
        values = values.reshape(spec.shape)  # grey photos often come without their channel
    check_shape(what, name, spec, values.shape)
    return values


def _check_span(what: str, name: str, values: Array, preprocessing: Preprocessing) -> None:
    if values.dtype.kind not in "iuf" or not values.size:
        return
    (first, last), low, high = span(preprocessing), float(values.min()), float(values.max())
    slack = 0.01 * (last - first)
    outside = low < first - slack or high > last + slack
    if outside and math.isfinite(low + high):  # NaN and infinity have their own refusal
        raise UsageProblemError(
            f"{what}: {name!r} reaches from {low:g} to {high:g}, but this model's preprocessing gives "
            f"{first:g} to {last:g}; give the photos as uint8 camera bytes, or as the model takes them"
        )


def _narrow(name: str, low: float, high: float, first: float, last: float) -> str:
    return (
        f"{name!r} reaches from {low:g} to {high:g} only, where this model's preprocessing gives "
        f"{first:g} to {last:g}: was the data made by another preprocessing?"
    )
