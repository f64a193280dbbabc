"""Write samples to disk one by one, in two disjoint sets, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from calibration.inputs import InputSpec, Sample
from calibration.samples import LABELS, PHOTOS, Array, Samples, clear, input_file, sample_digest, write_index
from zoo.errors import OutsideError, UsageProblemError


@dataclass(frozen=True, kw_only=True)
class Draw:
    """Two disjoint sets of samples.

    Attributes:
        calibration: samples on which ranges are observed.
        probe: samples on which the proof compares outputs.
        calibration_folder: where another process loads `calibration` with `Samples.load`.
        probe_folder: where another process loads `probe` with `Samples.load`.
    """

    calibration: Samples
    probe: Samples
    calibration_folder: Path
    probe_folder: Path


MAX_REPEATS = 1000


class ArrayFile:
    """A .npy file that grows by one row at a time.

    Raises:
        OutsideError: the disk is full or cannot be written.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: str) -> None:
        """Open `path` for rows of the given shape and dtype."""
        self.rows = 0
        self._shape, self._dtype = shape, np.dtype(dtype)
        self._path = path
        with self._writing():
            self._file = path.open("wb")
            self._header()

    def append(self, values: Array) -> None:
        """Write one row."""
        if values.shape != self._shape:
            raise ValueError(f"the row has shape {values.shape}, but the file holds rows of shape {self._shape}")
        with self._writing():
            self._file.write(np.ascontiguousarray(values, self._dtype).data)
        self.rows += 1

    def close(self) -> None:
        """Write the final number of rows into the header, whose length numpy pads to stay constant."""
        with self._writing():
            self._file.seek(0)
            self._header()
            self._file.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutsideError(f"cannot write samples to {self._path}: {error.strerror or error}") from error

    def _header(self) -> None:
        description = np.lib.format.dtype_to_descr(self._dtype)
        header = {"descr": description, "fortran_order": False, "shape": (self.rows, *self._shape)}
        np.lib.format.write_array_header_1_0(self._file, header)


class SetWriter:
    """Writes the files that `Samples.load` memory-maps."""

    def __init__(self, folder: Path, inputs: Mapping[str, InputSpec], photo_input: str | None) -> None:
        """Open one file per input, and one for photos if they become the input `photo_input`."""
        clear(folder)
        self.folder, self.digests, self._labels = folder, list[str](), list[int]()
        self._inputs = {
            name: ArrayFile(folder / input_file(index), spec.shape, spec.dtype)
            for index, (name, spec) in enumerate(inputs.items())
        }
        self._photo_input = photo_input
        self._photos = ArrayFile(folder / PHOTOS, inputs[photo_input].shape, "uint8") if photo_input else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for file in (*self._inputs.values(), *filter(None, [self._photos])):
            file.close()

    def __len__(self) -> int:
        return len(self.digests)

    def append(self, sample: Sample, digest: str) -> None:
        """Write one sample."""
        for name, file in self._inputs.items():
            file.append(sample.inputs[name])
        if self._photos is not None:
            if sample.photo is None:
                raise ValueError("a set of photos needs the photo of every sample")
            self._photos.append(sample.photo)
        if sample.label is not None:
            self._labels.append(sample.label)
        self.digests.append(digest)

    def samples(self, **origin: Any) -> Samples:
        """Return the written samples, memory-mapped. Call it after the files are closed.

        `origin` holds the other attributes of `Samples`: source, seed and so on.
        """
        if self._labels:
            np.save(self.folder / LABELS, np.asarray(self._labels, np.int64), allow_pickle=False)
        write_index(self.folder, tuple(self._inputs), self.digests, photo_input=self._photo_input, **origin)
        return Samples.load(self.folder)


def digest_of(sample: Sample, names: Iterable[str]) -> str:
    """Return the sample's digest over its inputs, in the order of `names`."""
    return sample_digest({name: sample.inputs[name] for name in names})


class Dealer:
    """Distributes samples to the calibration and the probe set; no sample enters both."""

    def __init__(self, calibration: SetWriter, probe: SetWriter, counts: tuple[int, int], names: list[str]) -> None:
        """Distribute samples until the sets hold `counts` samples; digests cover the inputs in `names`."""
        self._sets, self._counts, self._names = (calibration, probe), counts, names
        self._held: tuple[set[str], set[str]] = (set(), set())
        self.overlapping = 0

    def wants(self, side: int) -> bool:
        """Return whether the set `side` (0 calibration, 1 probe) is not full yet."""
        return len(self._sets[side]) < self._counts[side]

    def next_side(self) -> int | None:
        """Return the set whose filled fraction is smaller (calibration if equal); None if both are full."""
        open_sides = [side for side in (0, 1) if self.wants(side)]
        return min(open_sides, key=self._share) if open_sides else None

    def _share(self, side: int) -> float:
        return len(self._sets[side]) / self._counts[side]

    def take(self, sample: Sample, side: int) -> bool:
        """Write the sample to the set `side` unless the other set holds it; return whether it was written."""
        digest = digest_of(sample, self._names)
        if digest in self._held[1 - side]:
            self.overlapping += 1
            return False
        self._sets[side].append(sample, digest)
        self._held[side].add(digest)
        return True

    def deal(self, stream: Iterable[Sample]) -> None:
        """Distribute a stream until both sets are full or the stream ends, in proportion to the requested counts.

        An endless stream may repeat itself; MAX_REPEATS repeated samples in a row end the distribution.
        """
        repeats = 0
        for sample in stream:
            side = self.next_side()
            if side is None:
                return
            repeats = 0 if self.take(sample, side) else repeats + 1
            if self.next_side() is None or repeats == MAX_REPEATS:
                return

    def check(self, source: str) -> None:
        """Check that each set has at least one sample.

        Raises:
            UsageProblemError: the source has too few different samples.
        """
        if not all(len(one) for one in self._sets):
            found = sum(len(one) for one in self._sets)
            repeated = f" ({self.overlapping} more are repetitions)" if self.overlapping else ""
            raise UsageProblemError(
                f"{source} holds {found} usable sample{'s' * (found != 1)}{repeated}; calibration and proof need "
                "separate samples, so give at least 2 different samples (100 or more are better)"
            )
