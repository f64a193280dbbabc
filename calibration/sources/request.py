"""The request to a sample source and the stream that it returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from calibration.inputs import InputSpec, Sample
from zoo.inputs import Input, photo_input, preprocessing_of
from zoo.preprocessing import Preprocessing


@dataclass(frozen=True, kw_only=True)
class Request:
    """Inputs of the model and the number of samples to draw.

    Attributes:
        inputs: specifications of the inputs by name, in the model's order.
        contracts: meaning of the inputs by name.
        counts: numbers of calibration and probe samples.
        seed: random seed.
        companions: contents of the files that travel with the model by name: a tokenizer.
    """

    inputs: Mapping[str, InputSpec]
    contracts: Mapping[str, Input]
    counts: tuple[int, int]
    seed: int
    companions: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def preprocessing(self) -> Preprocessing | None:
        """Preprocessing from photos to the model's input; None if that input is no photo."""
        return preprocessing_of(self.contracts)

    @property
    def photo_input(self) -> str | None:
        """Name of the input that photos become; None if no input is a photo, or the preprocessing does not fit it."""
        name, preprocessing = photo_input(self.contracts), self.preprocessing
        spec = self.inputs.get(name) if name is not None else None
        if spec is None or preprocessing is None or spec.shape != preprocessing.shape:
            return None
        return name if np.issubdtype(np.dtype(spec.dtype), np.floating) else None

    @property
    def only_photo_input(self) -> str | None:
        """Name of the input that photos become if it is the only input, so that a photo is a whole sample."""
        return self.photo_input if len(self.inputs) == 1 else None

    @property
    def total(self) -> int:
        """Number of samples in both sets together."""
        return sum(self.counts)


@dataclass(kw_only=True)
class Stream:
    """Stream of samples with their origin.

    Attributes:
        source: description of the source for the manifest.
        samples: one stream that is distributed to both sets, or a (calibration, probe) pair of streams.
        photos: whether every sample has a photo.
        real: False for noise.
        warnings: messages for the user, complete when all samples are read.
    """

    source: str
    samples: Iterator[Sample] | tuple[Iterator[Sample], Iterator[Sample]]
    photos: bool
    real: bool = True
    warnings: list[str] = field(default_factory=list)
