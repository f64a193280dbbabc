"""Job: run a file on samples and measure its latency."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Array, Samples
from export import process
from export.formats import format_of
from export.progress import Progress, Quiet, Sparing
from export.runtime import cores
from export.runtime.jobs.describe import specs
from export.runtime.jobs.feed import feed
from export.runtime.jobs.timing import percentiles, warm_up

SLOW_MS = 50.0  # Latency above which loading the file a second time pays off.
FEWEST_TIMED = 3  # samples


def run(
    path: str,
    samples: str,
    outputs: str,
    camera_bytes: bool,
    threads: int = 1,
    hurry_after: tuple[int, float] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Run a file on saved samples, write its stored outputs to an .npz, and return specs and latencies.

    Args:
        path: path of the file.
        samples: a folder that `Samples.save` wrote.
        outputs: path of the .npz to write: arrays (N, ...) by output name, as the file stores them.
        camera_bytes: whether to feed uint8 photos without normalisation, as a device would.
        threads: number of threads of the runtime.
        hurry_after: number of samples, or seconds if they are over before, after which a slow file runs on all cores,
            with the same outputs; only the samples before that are timed.
        progress: receives the number of samples that are done, rarely.
    """
    process.keep_freed_memory()
    loaded = Samples.load(Path(samples))
    file_format = format_of(Path(path))
    session = file_format.open(Path(path), threads)
    declared = specs(session)
    rows: dict[str, list[Array]] = {spec.name: [] for spec in session.outputs}
    warm_up(partial(session.run, feed(session, loaded, 0, camera_bytes)))
    milliseconds: list[float] = []
    timed, counted = len(loaded), Sparing(progress or Quiet())
    for index in range(len(loaded)):
        counted(index, len(loaded))
        if timed == len(loaded) and hurry_after is not None and _is_slow(milliseconds, *hurry_after):
            timed = index
            del session  # Free its weights before the second session loads them.
            session = file_format.open(Path(path), max(threads, cores.count()))
        inputs = feed(session, loaded, index, camera_bytes)
        start = time.perf_counter()
        stored = session.run(inputs)
        milliseconds.append((time.perf_counter() - start) * 1e3)
        for name, values in stored.items():
            rows[name].append(values)
    del session  # Its weights would be in memory beside those that the census loads.
    arrays: dict[str, Any] = {name: np.concatenate(rows.pop(name)) for name in list(rows)}
    np.savez(outputs, **arrays)
    del arrays
    census = [asdict(op) for op in file_format.census(Path(path))]
    return {
        **declared,
        **percentiles(milliseconds[:timed]),
        "milliseconds": milliseconds,
        "census": census,
        "requirements": asdict(file_format.requirements(Path(path))),
    }


def _is_slow(milliseconds: Sequence[float], samples: int, seconds: float) -> bool:
    """Return whether enough samples of a slow file are timed: `samples` of them, or fewer that took `seconds`."""
    is_over = len(milliseconds) == samples or (len(milliseconds) >= FEWEST_TIMED and sum(milliseconds) > seconds * 1e3)
    return is_over and float(np.median(milliseconds)) > SLOW_MS
