"""Wall time and peak memory of a command with all its child processes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

INTERVAL_S = 0.05


@dataclass(frozen=True)
class Cost:
    """Time and memory of a command.

    Attributes:
        seconds: wall time.
        peak_gb: largest sum of the resident memory of the command and its children, sampled; shared pages count once.
        code: exit code.
        output: standard output.
    """

    seconds: float
    peak_gb: float
    code: int
    output: str


def measure(command: list[str]) -> Cost:
    """Run `command` to its end."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        peak = [0]
        done = threading.Event()
        watcher = threading.Thread(target=_watch, args=(process.pid, peak, done))
        watcher.start()
        output, _ = process.communicate()
        seconds = time.perf_counter() - start
        done.set()
        watcher.join()
    return Cost(seconds, peak[0] / 1e9, process.returncode, output)


def python(*arguments: str) -> list[str]:
    """Return the command that runs this interpreter."""
    return [sys.executable, *arguments]


def _watch(root: int, peak: list[int], done: threading.Event) -> None:
    while not done.wait(INTERVAL_S):
        peak[0] = max(peak[0], sum(resident(pid) for pid in tree(root)))


def tree(root: int) -> list[int]:
    """Return a process and all its descendants."""
    found = [root]
    for pid in found:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                found.extend(int(word) for word in children.read_text().split())
            except OSError:
                continue
    return found


def resident(pid: int) -> int:
    """Return a process's share of memory in bytes (PSS); 0 if it is gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return 0
    return 0
