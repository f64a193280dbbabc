"""How fast a file is, and how much memory it takes."""

from __future__ import annotations

import re
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats import format_of
from export.model.tensor_spec import TensorSpec
from export.runtime.versions import version

WARM_UP_RUNS = 3


def time_file(path: str, runs: int, threads: int) -> dict[str, Any]:
    """Time a file on noise: only the numbers' types matter to its speed."""
    file_format = format_of(Path(path))
    empty_mb = peak_mb()
    session = file_format.open(Path(path), threads)
    generator = np.random.default_rng(0)
    inputs = {spec.name: _noise(generator, spec) for spec in session.inputs}
    for _ in range(WARM_UP_RUNS):
        session.run(inputs)
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


def time_in_turns(paths: list[str], rounds: int, runs: int, threads: int) -> dict[str, Any]:
    """Time files on noise, one after the other, `rounds` times; answer the least median of each.

    What else the machine does hits all alike.
    """
    turns = [[time_file(path, runs, threads)["p50_ms"] for path in paths] for _ in range(rounds)]
    return {"p50_ms": [min(times) for times in zip(*turns, strict=True)]}


def peak_mb() -> float:
    """Return the most memory that this process has held, in megabytes.

    Not `ru_maxrss` where there is /proc: Linux counts in it what the parent held when it started us.
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
        high = 2 if spec.scale is None else 127  # token ids must stay inside the smallest table
        return generator.integers(0, high, spec.shape).astype(spec.dtype)
    return generator.uniform(-1, 1, spec.shape).astype(spec.dtype)
