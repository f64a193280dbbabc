"""Measure the latency of files in child processes, alternating between them to cancel drift of the machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from export import process
from export.process import RuntimeCrashError
from export.progress import Progress
from export.runtime import data_files
from export.runtime.jobs.timing import time_file
from export.scheme import FLOAT32, Scheme

# Order A B C, A B C, ...: disturbances of the machine are distributed over all files.
ROUNDS = 5


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A file to measure; `scheme` is None if the file name contains no precision."""

    path: Path
    scheme: Scheme | None

    @property
    def family(self) -> tuple[str, str]:
        """The folder, model and format of the file; the ratio to float32 is computed within a family."""
        stem = self.path.stem.removesuffix(f"-{self.scheme}") if self.scheme else self.path.stem
        return str(self.path.parent / stem), self.path.suffix


@dataclass(kw_only=True)
class Timing:
    """The measurements of one file.

    Attributes:
        file: the file.
        milliseconds: latency of each inference in all rounds.
        peak_mb: peak memory of its processes.
        empty_mb: memory of a process before it loads the runtime and the file.
        runtime: the distribution that ran the file.
        version: the version of the runtime.
        trouble: why the file could not be measured; empty if it was.
    """

    file: Contestant
    milliseconds: list[float] = field(default_factory=list)
    peak_mb: float = 0
    empty_mb: float = 0
    runtime: str = ""
    version: str | None = None
    trouble: str = ""

    def add(self, result: dict[str, Any]) -> None:
        """Add the measurements of one round."""
        self.milliseconds.extend(result["milliseconds"])
        self.peak_mb = max(self.peak_mb, result["peak_mb"])
        self.empty_mb = max(self.empty_mb, result["empty_mb"])
        self.runtime, self.version = result["runtime"], result["version"]


def bench(files: Sequence[Contestant], runs: int, threads: int, progress: Progress) -> list[dict[str, Any]]:
    """Measure `runs` inferences of each file, and return a record for each."""
    timings = [Timing(file=file) for file in files]
    rounds = min(ROUNDS, runs)
    for number in range(rounds):
        share = runs // rounds + (number < runs % rounds)
        for timing in timings:
            progress.step(
                f"measure {timing.file.path.name}", number * len(timings) + timings.index(timing), rounds * len(timings)
            )
            if timing.trouble:
                continue
            try:
                timing.add(process.call(time_file, fresh=True, path=timing.file.path, runs=share, threads=threads))
            except RuntimeCrashError as error:
                timing.trouble = str(error)
    return [_record(timing, timings, threads) for timing in timings]


def _record(timing: Timing, timings: Sequence[Timing], threads: int) -> dict[str, Any]:
    return {
        "file": str(timing.file.path),
        "bytes": data_files.size_bytes(timing.file.path),
        "precision": str(timing.file.scheme) if timing.file.scheme else None,
        "runtime": timing.runtime,
        "version": timing.version,
        "threads": threads,
        "runs": len(timing.milliseconds),
        **dict.fromkeys(("p50_ms", "p90_ms", "min_ms", "of_float32")),
        **(_numbers(timing, timings) if timing.milliseconds and not timing.trouble else {}),
        "peak_mb": timing.peak_mb,
        "empty_mb": timing.empty_mb,
        "trouble": timing.trouble,
    }


def _numbers(timing: Timing, timings: Sequence[Timing]) -> dict[str, float | None]:
    import numpy as np

    p50, p90 = np.percentile(timing.milliseconds, [50, 90])
    floats = [
        other
        for other in timings
        if other.file.family == timing.file.family
        and other.file.scheme == FLOAT32
        and other.milliseconds
        and not other.trouble
    ]
    share = float(p50 / np.median(floats[0].milliseconds)) if floats else None
    return {"p50_ms": float(p50), "p90_ms": float(p90), "min_ms": min(timing.milliseconds), "of_float32": share}
