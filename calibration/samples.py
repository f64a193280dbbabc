"""Inputs with their origin: what calibration, proof and benchmarks run on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """Model inputs and where they came from.

    The arrays may be memory maps: a reader should take one sample at a time.

    Attributes:
        inputs: by the model's input name, each (N, ...) and ready for the model.
        photos: (N, H, W, C) uint8 camera bytes that `inputs` was made of, if it was made of photos.
        labels: (N,) class indices where known.
        source: a sentence: which folder, file or built-in set.
        seed: of the draw.
        preprocessing: its record, if photos.
        real: False for noise, which proves sizes and speed only.
    """

    inputs: Mapping[str, Array]
    source: str
    seed: int
    photos: NDArray[np.uint8] | None = None
    labels: NDArray[np.int64] | None = None
    preprocessing: Mapping[str, Any] | None = None
    real: bool = True
    _digests: list[str] = field(default_factory=list, repr=False)

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def __iter__(self) -> Iterator[dict[str, Array]]:
        for index in range(len(self)):
            yield {name: np.asarray(values[index : index + 1]) for name, values in self.inputs.items()}

    @property
    def digests(self) -> list[str]:
        """One sha256 per sample, over all its inputs: equal samples have equal digests."""
        if not self._digests:
            for sample in self:
                content = b"".join(np.ascontiguousarray(values).tobytes() for values in sample.values())
                self._digests.append(hashlib.sha256(content).hexdigest())
        return self._digests

    @property
    def digest(self) -> str:
        """One sha256 over the whole set, in order."""
        return hashlib.sha256("".join(self.digests).encode()).hexdigest()

    def record(self) -> dict[str, Any]:
        """Return plain data for a manifest."""
        return {
            "source": self.source,
            "count": len(self),
            "seed": self.seed,
            "sha256": self.digest,
            "real": self.real,
            "preprocessing": self.preprocessing,
        }
