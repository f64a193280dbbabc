"""What a job costs: wall time, processor time and memory of its process with all child processes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PROCESSES = Path("/proc")  # Linux only; elsewhere only the wall time and this process's own time are known
INTERVAL_SECONDS = 0.25
# Fields of /proc/PID/stat behind the name: time of the process, and of its children that ended.
_TIMES = slice(11, 15)


@dataclass
class Cost:
    """The cost of a block, which is complete when the block ends.

    Attributes:
        seconds: wall time.
        processor_seconds: of all cores together.
        peak_bytes: largest sum of the memory of all processes, which share the files that they load; 0 if unknown.
    """

    seconds: float = 0.0
    processor_seconds: float = 0.0
    peak_bytes: int = 0

    def record(self) -> dict[str, float | int]:
        """Return plain data."""
        return {
            "seconds": round(self.seconds, 2),
            "processor_seconds": round(self.processor_seconds, 2),
            "peak_bytes": self.peak_bytes,
        }


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure a block."""
    cost, done = Cost(), threading.Event()
    begun, spent = time.perf_counter(), processor_seconds()
    watcher = threading.Thread(target=_watch, args=(cost, done), daemon=True)
    watcher.start()
    try:
        yield cost
    finally:
        done.set()
        watcher.join()
        cost.seconds = time.perf_counter() - begun
        cost.processor_seconds = processor_seconds() - spent


def processor_seconds() -> float:
    """Return the processor time of this process and its children so far."""
    if not PROCESSES.is_dir():
        return sum(os.times()[:4])
    tick = os.sysconf("SC_CLK_TCK")
    return sum(_ticks(process) for process in _family()) / tick


def memory_bytes() -> int:
    """Return the memory of this process and its children, which load the same libraries; 0 if unknown."""
    if not PROCESSES.is_dir():
        return 0
    pages = [_pages(process) for process in _family()]
    shared = max(shared for _, shared in pages)
    return (shared + sum(resident - shared for resident, shared in pages)) * os.sysconf("SC_PAGE_SIZE")


def _watch(cost: Cost, done: threading.Event) -> None:
    while True:
        cost.peak_bytes = max(cost.peak_bytes, memory_bytes())
        if done.wait(INTERVAL_SECONDS):
            return


def _family() -> list[int]:
    """Return this process, its children and theirs."""
    found = [os.getpid()]
    for process in found:
        for path in PROCESSES.glob(f"{process}/task/*/children"):
            with suppress(OSError):  # it has ended
                found += map(int, path.read_text().split())
    return found


def _ticks(process: int) -> int:
    with suppress(OSError):
        words = (PROCESSES / str(process) / "stat").read_text().rpartition(")")[2].split()
        return sum(map(int, words[_TIMES]))
    return 0


def _pages(process: int) -> tuple[int, int]:
    """Return the resident pages of a process, and how many of them are those of files, such as libraries.

    The exact share of each process (PSS) takes the system ten milliseconds to count, a few per cent of a job.
    """
    with suppress(OSError):
        _, resident, shared, *_ = map(int, (PROCESSES / str(process) / "statm").read_text().split())
        return resident, shared
    return 0, 0
