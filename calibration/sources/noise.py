"""Uniform noise, only when asked for by name: it calibrates badly (top-1 .285 where photos give .906)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from calibration.inputs import InputSpec, Sample, image_input, photo_sample
from calibration.sources.request import Request, Stream


def open_noise(request: Request) -> Stream:
    """Return seeded noise over the preprocessing's range; without one 0..1 (floats), 0 or 1 (integers)."""
    return Stream(
        source="random noise: sizes and speed only",
        samples=_noise(request),
        photos=image_input(request.inputs, request.preprocessing) is not None,
        real=False,
    )


def _noise(request: Request) -> Iterator[Sample]:
    generator = np.random.default_rng(request.seed)
    image = image_input(request.inputs, request.preprocessing)
    while True:
        if image is not None and request.preprocessing is not None:
            photo = generator.integers(0, 256, request.inputs[image].shape, np.uint8)
            yield photo_sample(image, photo, request.preprocessing)
        else:
            yield Sample(inputs={name: _values(generator, spec) for name, spec in request.inputs.items()})


def _values(generator: np.random.Generator, spec: InputSpec) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    if np.dtype(spec.dtype).kind == "f":
        return generator.random(spec.shape).astype(spec.dtype)
    # Small numbers are valid token ids, masks and positions alike.
    return generator.integers(0, 2, spec.shape).astype(spec.dtype)
