"""Labelled data, saved as a whole or judged part by part, and the scores of outputs on them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np

from calibration.left_out import LeftOut
from calibration.samples import Array, Samples
from export import temporary
from export.analysis.tasks import Divisible, Tally, Truth
from export.cache import Cache, name_of
from export.progress import Counted, uncounted
from export.runtime import cores, data_files
from export.runtime.file_content import digest
from export.runtime.run_file import measure

LARGEST_WHOLE = 2048  # samples: more are judged part by part, so that the disk does not have to hold all at once
PART = 256  # samples; the largest networks of the zoo take a quarter of an hour for them on one core

Outputs = Mapping[str, Array]


class Answers(Protocol):
    """What computes outputs: a file or a Keras model."""

    @property
    def key(self) -> str | None:
        """What decides the outputs for given samples; None if unknown."""
        ...

    def outputs(self, samples: Samples, folder: Path, *, alone: bool) -> Outputs:
        """Return real-valued outputs (N, ...) by name for samples saved in `folder`.

        Args:
            samples: the samples.
            folder: where another process loads them.
            alone: whether nothing else computes meanwhile, so that all cores may be used.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class OfFile:
    """The outputs of a file.

    Attributes:
        path: of the file.
        camera_bytes: whether it takes uint8 photos.
    """

    path: Path
    camera_bytes: bool

    @property
    def key(self) -> str:
        """Digests of the file and of its data."""
        return f"{self.path.suffix} {digest(self.path)} {data_files.digests(self.path)} {self.camera_bytes}"

    def outputs(self, samples: Samples, folder: Path, *, alone: bool) -> Outputs:
        """Run the file in a process of its own.

        Raises:
            RuntimeCrashError: the runtime cannot run the file.
        """
        return measure(self.path, folder, camera_bytes=self.camera_bytes, hurry=alone).real


@dataclass(frozen=True, kw_only=True)
class OfModel:
    """The outputs of a Keras model, which computes one part at a time, on all cores.

    Attributes:
        key: its digest; None if unknown.
        run: computes outputs.
    """

    key: str | None
    run: Callable[[Samples], Outputs]
    _turn: Lock = field(default_factory=Lock)

    def outputs(self, samples: Samples, folder: Path, *, alone: bool) -> Outputs:
        """Run the model."""
        with self._turn:
            return self.run(samples)


@dataclass(frozen=True, kw_only=True)
class Whole:
    """Data that are saved as a whole.

    Attributes:
        truth: the samples with their labels.
        folder: the folder with the saved samples.
    """

    truth: Truth
    folder: Path

    def scores(self, answers: Answers, counted: Counted = uncounted) -> dict[str, float]:
        """Return every metric of the task."""
        return self.truth.scores(answers.outputs(self.truth.samples, self.folder, alone=True))

    def scores_and_record(self, answers: Answers, counted: Counted) -> tuple[dict[str, float], dict[str, Any]]:
        """Return every metric of the task, and the record of the samples."""
        return self.scores(answers), self.truth.samples.record()


@dataclass(frozen=True, kw_only=True)
class InParts:
    """Data of which a part at a time is prepared and judged on every core; only small numbers of it are kept.

    Attributes:
        examples: the data.
        exclude: digests of the calibration samples.
        seed: the random seed, for the record.
        cache: keeps the numbers of each part, so that an interrupted evaluation can go on.
    """

    examples: Divisible
    exclude: Collection[str]
    seed: int
    cache: Cache

    def scores(self, answers: Answers, counted: Counted = uncounted) -> dict[str, float]:
        """Return every metric of the task.

        Raises:
            UsageProblemError: no example can be used.
        """
        return self.examples.combined(_tallies(self._parts(answers, counted)))

    def scores_and_record(self, answers: Answers, counted: Counted) -> tuple[dict[str, float], dict[str, Any]]:
        """Return every metric of the task, and the record of the samples."""
        parts = self._parts(answers, counted)
        return self.examples.combined(_tallies(parts)), _record(parts)

    def _parts(self, answers: Answers, counted: Counted) -> list[Tally]:
        total, excluded = len(self.examples), hashlib.sha256("".join(sorted(self.exclude)).encode()).hexdigest()
        parts = [self.examples.part(start, start + PART) for start in range(0, total, PART)]
        counted(0, total)
        with ThreadPoolExecutor(cores.count()) as pool:
            waiting = [pool.submit(self._part, part, answers, excluded) for part in parts]
            return _in_order(waiting, lambda done: counted(min(done * PART, total), total))

    def _part(self, part: Divisible, answers: Answers, excluded: str) -> Tally:
        name = name_of("evaluate a part", answers.key, part.key(), excluded)
        return self.cache.arrays(name, lambda: self._judged(part, answers))

    def _judged(self, part: Divisible, answers: Answers) -> Tally:
        """Return the tally of a part, with what is recorded of its samples."""
        with temporary.folder() as work:
            folder = Path(work)
            truth, left_out = part.write_part(folder, exclude=self.exclude, seed=self.seed)
            left = {_UNREADABLE: np.array(left_out.unreadable, str), _EXCLUDED: np.array(left_out.excluded)}
            if truth is None:
                return left
            tally = truth.tally(answers.outputs(truth.samples, folder, alone=False))
            record = json.dumps(truth.samples.record())
            return {**tally, **left, _DIGESTS: np.array(truth.samples.digests), _RECORD: np.array(record)}


_DIGESTS, _UNREADABLE, _EXCLUDED, _RECORD = "digests", "unreadable", "excluded", "record"


def _in_order(waiting: Sequence[Future[Tally]], counted: Callable[[int], None]) -> list[Tally]:
    """Return the results; if one fails, those that have not begun do not begin."""
    try:
        for done, one in enumerate(as_completed(waiting), 1):
            one.result()
            counted(done)
    except BaseException:
        for one in waiting:
            one.cancel()
        raise
    return [one.result() for one in waiting]


def _tallies(parts: Iterable[Tally]) -> list[Tally]:
    """Return the tallies of the parts with samples."""
    return [part for part in parts if _DIGESTS in part]


def _record(parts: Sequence[Tally]) -> dict[str, Any]:
    """Return the record of the samples of all parts, as `Samples.record` returns it for samples saved as a whole."""
    digests = [str(one) for part in _tallies(parts) for one in part[_DIGESTS]]
    left_out = LeftOut()
    for part in parts:
        unreadable = tuple(str(name) for name in part[_UNREADABLE])
        left_out += LeftOut(unreadable=unreadable, excluded=int(part[_EXCLUDED]))
    return {
        **json.loads(str(_tallies(parts)[0][_RECORD])),
        "count": len(digests),
        "sha256": hashlib.sha256("".join(digests).encode()).hexdigest(),
        "warnings": list(left_out.notes),
    }
