"""Inputs that the exporter generates: the noise of a generative model, the initial zeros of a state.

They are generated once per sample and stored with it, so that the Keras model and every exported file get the same
values.
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
    """Return one sample's values of the inputs in `made_up`, without the batch axis."""
    return {name: one.random(generator, inputs[name].shape, inputs[name].dtype) for name, one in made_up.items()}


def completed(
    samples: Iterable[Sample], inputs: Mapping[str, InputSpec], made_up: Mapping[str, Input], seed: tuple[int, ...]
) -> Iterator[Sample]:
    """Yield each sample with the inputs in `made_up` added, in the order of `inputs`.

    The same seed gives a sample at the same position the same values.
    """
    generator = np.random.default_rng(seed)
    for sample in samples:
        known = {**sample.inputs, **values(inputs, made_up, generator)}
        yield replace(sample, inputs={name: known[name] for name in inputs})
