"""Model inputs with their origin, for calibration, proof and benchmarks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
    """Model inputs and their origin.

    The arrays may be memory maps; read one sample at a time to keep memory small.

    Attributes:
        inputs: preprocessed arrays of shape (N, ...), by input name of the model.
        photos: (N, H, W, C) uint8 camera bytes; None if the source has no photos.
        photo_input: name of the input that was computed from `photos`; None without photos.
        labels: (N,) class indices, if known.
        source: description of the folder, file or built-in set.
        seed: random seed with which the samples were chosen.
        preprocessing: record of the preprocessing, if the samples are photos.
        real: False for noise, which is good for checking sizes and speed only.
        warnings: messages for the user, such as files that could not be read.
        digests: SHA-256 of each sample, over all its inputs, so that equal samples have equal digests; computed from
            `inputs` unless given.
    """

    inputs: Mapping[str, Array]
    source: str
    seed: int
    photos: NDArray[np.uint8] | None = None
    photo_input: str | None = None
    labels: NDArray[np.int64] | None = None
    preprocessing: Mapping[str, Any] | None = None
    real: bool = True
    warnings: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.photos is not None and self.photo_input not in self.inputs:
            raise ValueError(f"the photos belong to the input {self.photo_input!r}, but there are {list(self.inputs)}")
        if not self.digests:
            object.__setattr__(self, "digests", tuple(sample_digest(sample) for sample in self))

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def __iter__(self) -> Iterator[dict[str, Array]]:
        for index in range(len(self)):
            yield {name: np.asarray(values[index : index + 1]) for name, values in self.inputs.items()}

    def take(self, positions: NDArray[np.int64]) -> Self:
        """Return the samples at `positions`, copied into memory."""
        return replace(
            self,
            inputs={name: values[positions] for name, values in self.inputs.items()},
            photos=None if self.photos is None else self.photos[positions],
            labels=None if self.labels is None else self.labels[positions],
            digests=tuple(np.asarray(self.digests)[positions].tolist()),
        )

    def with_inputs(self, inputs: Mapping[str, Array]) -> Self:
        """Return the same samples with other inputs, and with the digests of those."""
        return replace(self, inputs=inputs, digests=())

    @property
    def digest(self) -> str:
        """SHA-256 of the whole set, in order."""
        return hashlib.sha256("".join(self.digests).encode()).hexdigest()

    def record(self) -> dict[str, Any]:
        """Return the manifest entry as plain data."""
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
        """Write all arrays as .npy files to `folder` and return the same samples, memory-mapped from there."""
        clear(folder)
        for index, values in enumerate(self.inputs.values()):
            np.save(folder / input_file(index), values, allow_pickle=False)
        if self.photos is not None:
            np.save(folder / PHOTOS, self.photos, allow_pickle=False)
        if self.labels is not None:
            np.save(folder / LABELS, self.labels, allow_pickle=False)
        write_index(
            folder,
            tuple(self.inputs),
            self.digests,
            photo_input=self.photo_input,
            source=self.source,
            seed=self.seed,
            preprocessing=self.preprocessing,
            real=self.real,
            warnings=self.warnings,
        )
        return self.load(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the samples that `save` wrote, with the arrays memory-mapped read-only."""
        record = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        names = record["inputs"]
        return cls(
            inputs={name: _map(folder / input_file(index)) for index, name in enumerate(names)},
            source=record["source"],
            seed=record["seed"],
            photos=_map(folder / PHOTOS) if (folder / PHOTOS).exists() else None,
            photo_input=record["photo_input"],
            labels=_map(folder / LABELS) if (folder / LABELS).exists() else None,
            preprocessing=record["preprocessing"],
            real=record["real"],
            warnings=tuple(record["warnings"]),
            digests=tuple(record["digests"]),
        )


def write_index(
    folder: Path,
    names: Sequence[str],
    digests: Sequence[str],
    *,
    photo_input: str | None,
    source: str,
    seed: int,
    preprocessing: Mapping[str, Any] | None = None,
    real: bool = True,
    warnings: Sequence[str] = (),
) -> None:
    """Write everything but the arrays of samples; the arguments are the attributes of `Samples`.

    Args:
        folder: where the arrays lie.
        names: of the inputs, in the order of their files.
        digests: of the samples.
        photo_input: name of the input that was computed from photos.
        source: their origin.
        seed: with which they were chosen.
        preprocessing: its record.
        real: whether they are not noise.
        warnings: for the user.
    """
    record = {
        "inputs": list(names),
        "photo_input": photo_input,
        "source": source,
        "seed": seed,
        "preprocessing": preprocessing,
        "real": real,
        "warnings": list(warnings),
        "digests": list(digests),
    }
    (folder / INDEX).write_text(json.dumps(record), encoding="utf-8")


def clear(folder: Path) -> None:
    """Create `folder` and remove samples from an earlier run.

    The files are removed rather than truncated: truncating a file that a process has memory-mapped crashes it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in (*folder.glob("input-*.npy"), folder / PHOTOS, folder / LABELS, folder / INDEX):
        path.unlink(missing_ok=True)


def input_file(index: int) -> str:
    """Return the file name for the input at position `index`; an input's own name may not be a valid file name."""
    return f"input-{index}.npy"


def sample_digest(sample: Mapping[str, Array]) -> str:
    """Return the SHA-256 of one sample's inputs, in order."""
    digest = hashlib.sha256()
    for values in sample.values():
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def _map(path: Path) -> Array:
    mapped: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped
