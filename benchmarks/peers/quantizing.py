"""Run one peer in a fresh process of its own environment; return its file and cost, or why it failed."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import environment
from benchmarks.peers.registry import Peer
from benchmarks.process import Cost, measure
from export.process import signal_name
from zoo.errors import OutsideError

CHILD = Path(__file__).with_name("child.py")
LONGEST_REASON = 200
QUIET_CORES = 0.2


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Time and memory of a process and its children.

    Attributes:
        seconds: wall time, from start to end.
        cpu_seconds: of all threads; other load on the machine affects it less than the wall time.
        peak_gb: largest sum of resident memory.
        other_cores: how many cores other processes kept busy in that time; None if unknown.
    """

    seconds: float
    cpu_seconds: float
    peak_gb: float
    other_cores: float | None

    @property
    def alone(self) -> bool:
        """Whether other processes were nearly idle, so that the wall time is meaningful."""
        return self.other_cores is not None and self.other_cores < QUIET_CORES


@dataclass(frozen=True, kw_only=True)
class Quantized:
    """The file that a peer wrote, or why there is none.

    Attributes:
        path: of the int8 file; None if there is none.
        reason: why not.
        spent: None if nothing ran.
        versions: of the distributions that the peer names.
    """

    path: Path | None
    reason: str
    spent: Spent | None
    versions: Mapping[str, str | None]


def spend(command: list[str]) -> tuple[Cost, Spent]:
    """Run a command to its end; only one at a time, because the processor time of all children is counted."""
    children, own, machine = _children(), time.process_time(), _machine()
    cost = measure(command)
    cpu_seconds = _children() - children
    watching = time.process_time() - own
    busy = None if machine is None else (_machine() or machine) - machine
    others = None if busy is None else max(0.0, busy - cpu_seconds - watching) / cost.seconds
    return cost, Spent(seconds=cost.seconds, cpu_seconds=cpu_seconds, peak_gb=cost.peak_gb, other_cores=others)


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _machine() -> float | None:
    """Return the seconds that all cores together have worked since the machine started; None off Linux."""
    path = Path("/proc/stat")
    if not path.exists():
        return None
    user, nice, system = (int(word) for word in path.read_text(encoding="ascii").split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def quantize(peer: Peer, float_file: Path, samples: Path, work: Path, environments: Path) -> Quantized:
    """Quantize `float_file` with `peer` and the calibration samples (N, ...) of a .npy; failures do not raise."""
    try:
        python = environment.interpreter(peer.environment, environments) if peer.environment else sys.executable
    except OutsideError as error:
        return Quantized(path=None, reason=_short(str(error), environments), spent=None, versions={})
    out, result = work / f"out{peer.writes}", work / "result.json"
    request = {
        "script": str(peer.path),
        "settings": dict(peer.settings),
        "float_file": str(float_file),
        "samples": str(samples),
        "out": str(out),
        "distributions": peer.distributions,
        "result": str(result),
    }
    for stale in (out, result):
        stale.unlink(missing_ok=True)
    cost, spent = spend([str(python), "-P", str(CHILD), json.dumps(request)])
    found = json.loads(result.read_text(encoding="utf-8")) if result.exists() else None
    if found is None:
        how = f"crashed ({signal_name(-cost.code)})" if cost.code < 0 else f"ended with code {cost.code}"
        return Quantized(path=None, reason=f"the process {how}", spent=spent, versions={})
    reason = found["error"] or ("" if out.is_file() else "it wrote no file")
    path = None if reason else out
    return Quantized(path=path, reason=_short(reason, work), spent=spent, versions=found["versions"])


def _short(reason: str, work: Path) -> str:
    """Return one line without the paths of this machine."""
    line = " ".join(reason.replace(f"{work}/", "").replace(str(work), work.name).split())
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}..."
