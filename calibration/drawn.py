"""Inputs that nobody gives, because they are random by their meaning: the noise of a generative model.

They are drawn once for each sample and kept with it, so that the model and every file of it are asked the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.inputs import InputSpec, Sample

# What an architecture may call the distribution of an input (zoo.architecture.Distribution).
DISTRIBUTIONS: Mapping[str, Callable[[np.random.Generator, tuple[int, ...]], NDArray[Any]]] = {
    "standard normal": lambda generator, shape: generator.standard_normal(shape),
}


def values(
    inputs: Mapping[str, InputSpec], drawn: Mapping[str, str], generator: np.random.Generator
) -> dict[str, NDArray[Any]]:
    """Return one sample's numbers of the inputs in `drawn` (name -> distribution), without batch."""
    return {
        name: DISTRIBUTIONS[distribution](generator, inputs[name].shape).astype(inputs[name].dtype)
        for name, distribution in drawn.items()
    }


def completed(
    samples: Iterable[Sample], inputs: Mapping[str, InputSpec], drawn: Mapping[str, str], seed: tuple[int, ...]
) -> Iterator[Sample]:
    """Yield the samples with the inputs in `drawn` beside those that they have, in the order of `inputs`.

    The same seed gives the same numbers to a sample at the same place.
    """
    generator = np.random.default_rng(seed)
    for sample in samples:
        known = {**sample.inputs, **values(inputs, drawn, generator)}
        yield replace(sample, inputs={name: known[name] for name in inputs})
