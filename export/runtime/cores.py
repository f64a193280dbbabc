"""The number of usable processor cores."""

from __future__ import annotations

import os

LIMIT = "ZOO_EXPORT_CORES"  # set for processes that share a machine, such as the workers of a sweep
# The thread pools of the libraries have variables of their own.
_POOLS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def count() -> int:
    """Return the number of cores that this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get(LIMIT, "")
    return min(usable, int(limit)) if limit.isdigit() and int(limit) else usable


def limited_to(cores: int) -> dict[str, str]:
    """Return the environment of a process that shares its machine with others: threads for so many cores."""
    return dict.fromkeys((LIMIT, *_POOLS), str(cores))
