"""Inputs that nobody gives: the noise of a generative model, the zeros that a state begins with.

They are made up once for each sample and kept with it, so that the model and every file of it get the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.inputs import InputSpec, Sample
from zoo.inputs import Input


def values(
    inputs: Mapping[str, InputSpec], made_up: Mapping[str, Input], generator: np.random.Generator
) -> dict[str, NDArray[Any]]:
    """Return one sample's values of the inputs in `made_up`, without batch."""
    return {name: one.random(generator, inputs[name].shape, inputs[name].dtype) for name, one in made_up.items()}


def completed(
    samples: Iterable[Sample], inputs: Mapping[str, InputSpec], made_up: Mapping[str, Input], seed: tuple[int, ...]
) -> Iterator[Sample]:
    """Yield the samples with the inputs in `made_up` beside those that they have, in the order of `inputs`.

    The same seed gives the same values to a sample at the same place.
    """
    generator = np.random.default_rng(seed)
    for sample in samples:
        known = {**sample.inputs, **values(inputs, made_up, generator)}
        yield replace(sample, inputs={name: known[name] for name in inputs})
