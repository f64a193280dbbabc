"""Jobs: observe the activations of a float file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from calibration.fingerprint import Fingerprint
from calibration.headroom import EndsRecorder
from calibration.observers import SplitObserver, Update
from calibration.samples import Array, Samples
from export.formats import PRIMARY
from export.formats.session import Step
from export.progress import Progress, Quiet, Sparing
from export.runtime import cores

# Samples of which fingerprints are taken: one may agree by chance if an output is a single number.
COUNT = 2


def observe(path: str, samples: str, observer: str, progress: Progress | None = None) -> dict[str, Any]:
    """Return the ranges of every activation of a float file, their stability, and what `fingerprints` returns.

    `progress` receives the number of samples that are done, rarely; again from 0 for each part of a large file.
    """
    watcher = PRIMARY.watch(Path(path), cores.count())
    split = SplitObserver(observer, watcher.edges)
    found: dict[str, list[Fingerprint]] = {}
    ends = EndsRecorder()
    loaded, counted = Samples.load(Path(samples)), Sparing(progress or Quiet())

    def update_of(index: int) -> Update:
        counted(index, len(loaded))
        return _update(index, found, ends.then(split.half(index)))

    watcher.watch(loaded, update_of)
    stability = split.stability()
    return {
        "ranges": split.ranges().record(),
        "stability": stability.record() if stability else None,
        "headroom": ends.headroom(),
        **_tensors(found, watcher.steps),
    }


def fingerprints(path: str, samples: str) -> dict[str, Any]:
    """Return the fingerprints of every activation of a float file on the first samples, and its operators' steps.

    Args:
        path: path of the file.
        samples: a folder that `Samples.save` wrote.
    """
    watcher = PRIMARY.watch(Path(path), cores.count())
    found: dict[str, list[Fingerprint]] = {}
    loaded = Samples.load(Path(samples))
    first = loaded.take(np.arange(min(COUNT, len(loaded))))
    watcher.watch(first, lambda index: _update(index, found, lambda name, values: None))
    return _tensors(found, watcher.steps)


def _update(index: int, found: dict[str, list[Fingerprint]], other: Update) -> Update:
    """Return what receives the activations of the sample `index`: `other` and, for the first samples, `found`."""
    if index >= COUNT:
        return other

    def both(name: str, values: Array) -> None:
        other(name, values)
        if values.size:
            found.setdefault(name, []).append(Fingerprint.of(values))

    return both


def _tensors(found: dict[str, list[Fingerprint]], steps: Sequence[Step]) -> dict[str, Any]:
    return {
        "fingerprints": {name: [one.record() for one in prints] for name, prints in found.items()},
        "sources": {step.tensor: list(step.sources) for step in steps},
    }
