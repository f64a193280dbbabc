"""Jobs: measure the latency and the memory of files."""

from __future__ import annotations

import re
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats import format_of
from export.model.tensor_spec import TensorSpec
from export.runtime.versions import version

WARM_UP_RUNS, LONGEST_WARM_UP_SECONDS = 3, 1.0


def time_file(path: str, runs: int, threads: int) -> dict[str, Any]:
    """Measure a file on noise; latency depends only on the types of the inputs, not on their values."""
    file_format = format_of(Path(path))
    empty_mb = peak_mb()
    session = file_format.open(Path(path), threads)
    generator = np.random.default_rng(0)
    inputs = {spec.name: _noise(generator, spec) for spec in session.inputs}
    warm_up(lambda: session.run(inputs))
    milliseconds = []
    for _ in range(runs):
        start = time.perf_counter()
        session.run(inputs)
        milliseconds.append((time.perf_counter() - start) * 1e3)
    return {
        **percentiles(milliseconds),
        "milliseconds": milliseconds,
        "peak_mb": peak_mb(),
        "empty_mb": empty_mb,
        "runtime": file_format.runtime,
        "version": version(file_format.runtime),
    }


def warm_up(run: Callable[[], object]) -> None:
    """Run a file a few times before it is timed, or once if that takes long: the first run prepares the runtime."""
    start = time.perf_counter()
    for _ in range(WARM_UP_RUNS):
        run()
        if time.perf_counter() - start > LONGEST_WARM_UP_SECONDS:
            return


def time_in_turns(paths: list[str], rounds: int, runs: int, threads: int) -> dict[str, Any]:
    """Measure files on noise in alternation, `rounds` times, and return the lowest median latency of each.

    Alternating distributes disturbances of the machine over all files.
    """
    turns = [[time_file(path, runs, threads)["p50_ms"] for path in paths] for _ in range(rounds)]
    return {"p50_ms": [min(times) for times in zip(*turns, strict=True)]}


def peak_mb() -> float:
    """Return the peak memory of this process in megabytes.

    `ru_maxrss` is only used without /proc, because on Linux it includes the memory of the parent at the fork.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))
        return float(kilobytes) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    """Return the median and the 90th percentile."""
    p50, p90 = np.percentile(milliseconds, [50, 90])
    return {"p50_ms": float(p50), "p90_ms": float(p90)}


def _noise(generator: np.random.Generator, spec: TensorSpec) -> Array:
    if np.issubdtype(np.dtype(spec.dtype), np.integer):
        high = 2 if spec.scale is None else 127  # Token ids must stay inside the smallest table.
        return generator.integers(0, high, spec.shape).astype(spec.dtype)
    return generator.uniform(-1, 1, spec.shape).astype(spec.dtype)
