"""Uniform noise, used only on explicit request: it calibrates badly (top-1 .285, with photos .906)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

import numpy as np

from calibration.inputs import Sample
from calibration.samples import Array
from calibration.sources.request import Request, Stream
from zoo.inputs import Input, Photo, Vector


def open_noise(request: Request) -> Stream:
    """Return seeded noise over the preprocessing's range; without preprocessing 0..1 (floats), 0 or 1 (integers)."""
    return Stream(
        source="random noise: sizes and speed only",
        samples=_noise(request),
        photos=request.photo_input is not None,
        real=False,
    )


def draws(request: Request, sample: Mapping[str, Array]) -> bool:
    """Return whether `sample`, inputs by name without a batch axis, is among the noise that the request gives."""
    made = islice(_noise(request), request.total)
    return any(all(np.array_equal(one.inputs[name], sample[name]) for name in request.inputs) for one in made)


def _noise(request: Request) -> Iterator[Sample]:
    generator = np.random.default_rng(request.seed)
    image = request.photo_input
    while True:
        made = {
            name: _contract(request, name).random(generator, spec.shape, spec.dtype)
            for name, spec in request.inputs.items()
            if name != image
        }
        photo = None
        if image is not None and request.preprocessing is not None:
            photo = generator.integers(0, 256, request.inputs[image].shape, np.uint8)
            made[image] = request.preprocessing.normalise(photo)
        yield Sample(inputs={name: made[name] for name in request.inputs}, photo=photo)


def _contract(request: Request, name: str) -> Input:
    """Return the meaning of the input; here a photo without preprocessing is a plain vector."""
    contract = request.contracts.get(name, Vector())
    return Vector() if isinstance(contract, Photo) else contract
