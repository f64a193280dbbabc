"""Inputs with their origin: what calibration, proof and benchmarks run on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

INDEX = "samples.json"
PHOTOS = "photos.npy"
LABELS = "labels.npy"


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
        warnings: sentences for the reader: which files of the source could not be used.
    """

    inputs: Mapping[str, Array]
    source: str
    seed: int
    photos: NDArray[np.uint8] | None = None
    labels: NDArray[np.int64] | None = None
    preprocessing: Mapping[str, Any] | None = None
    real: bool = True
    warnings: tuple[str, ...] = ()
    _digests: list[str] = field(default_factory=list, repr=False)

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def __iter__(self) -> Iterator[dict[str, Array]]:
        for index in range(len(self)):
            yield {name: np.asarray(values[index : index + 1]) for name, values in self.inputs.items()}

    def take(self, positions: NDArray[np.int64]) -> Self:
        """Return the samples at those positions: copies, so take few."""
        return replace(
            self,
            inputs={name: values[positions] for name, values in self.inputs.items()},
            photos=None if self.photos is None else self.photos[positions],
            labels=None if self.labels is None else self.labels[positions],
            _digests=[],
        )

    @property
    def digests(self) -> list[str]:
        """One sha256 per sample, over all its inputs: equal samples have equal digests."""
        if not self._digests:
            self._digests.extend(sample_digest(sample) for sample in self)
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
            "warnings": list(self.warnings),
        }

    def save(self, folder: Path) -> Self:
        """Write everything as plain .npy files and return the same samples, mapped from there."""
        clear(folder)
        for index, values in enumerate(self.inputs.values()):
            np.save(folder / input_file(index), values, allow_pickle=False)
        if self.photos is not None:
            np.save(folder / PHOTOS, self.photos, allow_pickle=False)
        if self.labels is not None:
            np.save(folder / LABELS, self.labels, allow_pickle=False)
        self.write_index(folder, tuple(self.inputs))
        return self.load(folder)

    def write_index(self, folder: Path, names: tuple[str, ...]) -> None:
        """Write what is not an array; `names` are those of the inputs, in the order of their files."""
        record = {
            "inputs": list(names),
            "source": self.source,
            "seed": self.seed,
            "preprocessing": self.preprocessing,
            "real": self.real,
            "warnings": list(self.warnings),
            "digests": self.digests,
        }
        (folder / INDEX).write_text(json.dumps(record), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return what `save` wrote, arrays mapped read-only: only the samples that are read take memory."""
        record = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        names = record["inputs"]
        return cls(
            inputs={name: _map(folder / input_file(index)) for index, name in enumerate(names)},
            source=record["source"],
            seed=record["seed"],
            photos=_map(folder / PHOTOS) if (folder / PHOTOS).exists() else None,
            labels=_map(folder / LABELS) if (folder / LABELS).exists() else None,
            preprocessing=record["preprocessing"],
            real=record["real"],
            warnings=tuple(record["warnings"]),
            _digests=list(record["digests"]),
        )


def clear(folder: Path) -> None:
    """Make `folder` and remove samples written there before.

    Removed, not overwritten: who has mapped the old files keeps them, and a cut file under a map is a crash.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in (*folder.glob("input-*.npy"), folder / PHOTOS, folder / LABELS, folder / INDEX):
        path.unlink(missing_ok=True)


def input_file(index: int) -> str:
    """Return the file of the input at that position: its name may hold anything, so it is not used."""
    return f"input-{index}.npy"


def sample_digest(sample: Mapping[str, Array]) -> str:
    """Return the sha256 of one sample's inputs, in order."""
    digest = hashlib.sha256()
    for values in sample.values():
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def _map(path: Path) -> Array:
    mapped: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped
