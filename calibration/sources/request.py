"""What a source is asked for and what it answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from calibration.inputs import InputSpec, Sample
from zoo.inputs import Input, preprocessing_of
from zoo.preprocessing import Preprocessing


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the model takes and how much of it is wanted.

    Attributes:
        inputs: by name, in the model's order.
        contracts: what the inputs mean, by name.
        counts: of calibration and of probe samples.
        seed: of every random choice.
    """

    inputs: Mapping[str, InputSpec]
    contracts: Mapping[str, Input]
    counts: tuple[int, int]
    seed: int

    @property
    def preprocessing(self) -> Preprocessing | None:
        """How photos become the input; None if the model's input is no photo."""
        return preprocessing_of(self.contracts)

    @property
    def total(self) -> int:
        """How many samples both sets want."""
        return sum(self.counts)


@dataclass(kw_only=True)
class Stream:
    """Samples as they come, with their origin; `warnings` is complete when the samples are read.

    Attributes:
        source: a sentence for the record.
        samples: one stream that is dealt to both sets, or two: one for each.
        photos: whether every sample has its photo.
        real: False for noise.
        warnings: sentences for the reader.
    """

    source: str
    samples: Iterator[Sample] | tuple[Iterator[Sample], Iterator[Sample]]
    photos: bool
    real: bool = True
    warnings: list[str] = field(default_factory=list)
