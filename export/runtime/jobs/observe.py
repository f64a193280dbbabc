"""Jobs: observe the activations of a float file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from calibration.fingerprint import Fingerprint
from calibration.observers import SplitObserver
from calibration.samples import Array, Samples
from export.formats import PRIMARY
from export.runtime import cores


def observe(path: str, samples: str, observer: str) -> dict[str, Any]:
    """Return the ranges of every activation of a float file, their stability, and fingerprints of the activations.

    The fingerprints are from the first sample. They cover activations that may be clipped: neither inputs nor outputs
    of the file, nor reshaped copies of these.
    """
    watcher = PRIMARY.watch(Path(path), cores.count())
    split = SplitObserver(observer, watcher.edges)
    fingerprints: dict[str, Fingerprint] = {}

    def first(name: str, values: Array) -> None:
        split.half(0)(name, values)
        if values.size:
            fingerprints[name] = Fingerprint.of(values)

    watcher.watch(Samples.load(Path(samples)), lambda index: split.half(index) if index else first)
    stability = split.stability()
    return {
        "ranges": split.ranges().record(),
        "stability": stability.record() if stability else None,
        "fingerprints": {
            name: fingerprint.record()
            for name, fingerprint in fingerprints.items()
            if not any(fingerprint.is_like(fingerprints[edge]) for edge in watcher.edges if edge in fingerprints)
        },
    }


def activations(path: str, samples: str, count: int, outputs: str) -> dict[str, Any]:
    """Write every activation of a float file on the first samples to an .npz, and return their names and steps.

    Args:
        path: path of the file.
        samples: a folder that `Samples.save` wrote.
        count: maximum number of samples.
        outputs: path of the .npz to write: arrays (N, ...) by the position of the tensor in `names`.
    """
    watcher = PRIMARY.watch(Path(path), cores.count())
    rows: dict[str, list[Array]] = {}
    loaded = Samples.load(Path(samples))

    def keep(name: str, values: Array) -> None:
        rows.setdefault(name, []).append(np.array(values))

    watcher.watch(loaded.take(np.arange(min(count, len(loaded)))), lambda _: keep)
    arrays: dict[str, Any] = {str(position): np.concatenate(values) for position, values in enumerate(rows.values())}
    np.savez(outputs, **arrays)
    return {"names": list(rows), "steps": [asdict(step) for step in watcher.steps]}
