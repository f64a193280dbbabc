"""Run jobs in a child process, which isolates crashes of native libraries and releases their memory.

A job is a function that takes and returns plain data; `export.runtime.worker` is the program that runs it.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from export import temporary
from export.progress import Counted, OfStep, Progress, uncounted
from zoo.errors import CheckFailedError, OutsideError, UsageProblemError, ZooError

JobResult = dict[str, Any]

PROGRAM = "export.runtime.worker"
PATIENCE_SECONDS = 3  # Time for a child to exit after a request to terminate.
ERRORS: Mapping[int, type[ZooError]] = {1: CheckFailedError, 2: UsageProblemError, 3: OutsideError}

STATM = Path("/proc/self/statm")  # Linux only, in pages; the second number is the resident memory.
# Trying takes up to a fifth of a second: it is worth it in a large process that has grown since the last time.
WORTHWHILE_BYTES, GROWTH_BYTES = 1 << 28, 1 << 27
# The largest block of memory that is reused, and how much freed memory a process keeps; names of glibc's mallopt.
REUSED_BYTES, KEPT_BYTES = 1 << 25, 1 << 27
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_trimmed_bytes = 0  # resident memory after the last time

# Lines that TensorFlow logs whenever it starts: "I0000 00:00:17 cudart_stub.cc:31] Could not find cuda drivers".
ROUTINE = re.compile(r"[IW]\d{4} \d\d:|WARNING: All log messages|To enable the following instructions")


class RuntimeCrashError(OutsideError):
    """A runtime could not load or run a file; the message contains its last line of output."""


class Worker:
    """A child process that runs jobs one after another until it is closed, crashes, or its parent exits."""

    def __init__(self, added: Mapping[str, str] | None = None) -> None:
        """Start a child, whose environment is that of this process and what is `added`."""
        # The child writes its temporary files to a folder of this process, which removes them however the child ends.
        self._scratch = temporary.folder(ignore_cleanup_errors=True)
        self.log = Path(self._scratch.name, "log")
        reading, writing = os.pipe()
        with self.log.open("w") as output:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", PROGRAM, str(writing), self._scratch.name],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                text=True,
                pass_fds=(writing,),
                env={**environment(), **(added or {}), "TMPDIR": self._scratch.name},
            )
        os.close(writing)
        self._events = os.fdopen(reading, encoding="utf-8")

    @property
    def exit_code(self) -> int:
        """The exit code of the child after its end; negative if a signal ended it."""
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(PATIENCE_SECONDS)
        return self._child.returncode or 0

    def do(self, job: Callable[..., JobResult], arguments: Mapping[str, Any], progress: Progress) -> JobResult | None:
        """Run a job and return the child's last event: a result, an error or a bug; None if the child ended."""
        request = {"job": f"{job.__module__}:{job.__qualname__}", "arguments": arguments}
        assert self._child.stdin is not None  # Popen was given stdin=PIPE.
        with suppress(BrokenPipeError):  # The child has died; the loop below then reads no event.
            self._child.stdin.write(json.dumps(request, default=_as_seen_from_anywhere) + "\n")
            self._child.stdin.flush()  # The pipe stays open, so that the child notices when this process dies.
        for line in self._events:
            event: JobResult = json.loads(line)
            if "step" not in event:
                return event
            progress.step(event["step"], event["done"], event["total"], event["detail"])
        return None

    def kill(self) -> None:
        """Kill the child immediately."""
        self._child.kill()

    def close(self) -> None:
        """End the child and remove its temporary files."""
        with suppress(BrokenPipeError):
            if self._child.stdin is not None:
                self._child.stdin.close()
        self._child.terminate()
        try:
            self._child.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()  # A native library may be blocking the signal.
            self._child.wait()
        self._events.close()
        self._scratch.cleanup()


# The idle workers, one for each thread that runs jobs, which are reused to save the start-up time.
_waiting: list[Worker] = []


def call(
    job: Callable[..., JobResult],
    *,
    timeout_s: float = 900,
    fresh: bool = False,
    counted: Counted = uncounted,
    **arguments: Any,
) -> JobResult:
    """Run a job in a child process and return its result.

    Args:
        job: a function; its module may import TensorFlow only if `fresh` is set.
        timeout_s: the time after which the child is killed.
        fresh: use a new process for this job only, for jobs that measure memory or need much of it.
        counted: is called with how much of the job is done, if the job says so.
        arguments: plain data and paths.

    Raises:
        RuntimeCrashError: the child crashed, was killed, timed out or failed.
        ZooError: the error that the job raised, e.g. a UsageProblemError for a wrong file.
    """
    give_back_memory()
    worker = Worker() if fresh else _idle() or Worker()
    clock = threading.Timer(timeout_s, worker.kill)
    keep = False
    try:
        clock.start()
        result = worker.do(job, arguments, OfStep(counted))
        if result is None:
            late = clock.finished.is_set()
            raise RuntimeCrashError(f"the runtime did not finish within {timeout_s:g} s" if late else _crash(worker))
        keep = not fresh
    finally:
        clock.cancel()
        if keep:
            _waiting.append(worker)
        else:
            worker.close()
    if "bug" in result:
        raise RuntimeCrashError(f"the runtime failed: {_last_line(result['bug'])}")
    if result.get("exit_code") == ZooError.exit_code:  # The runtime rejected the file.
        raise RuntimeCrashError(f"the runtime failed: {result['error']}")
    return result_or_error(result)


def _idle() -> Worker | None:
    with suppress(IndexError):  # Threads take idle workers at the same time.
        return _waiting.pop()
    return None


@atexit.register
def close_waiting() -> None:
    """End the idle workers; the next job starts a new one in the environment of that time."""
    while _waiting:
        _waiting.pop().close()


def result_or_error(event: JobResult) -> JobResult:
    """Return the result of a job, or raise its error."""
    if event.get("is_full"):
        raise temporary.FullDiskError(event["error"])
    if "error" in event:
        raise ERRORS[event["exit_code"]](event["error"])
    result: JobResult = event["answer"]
    return result


def environment() -> dict[str, str]:
    """Return the environment of a child: the same import path, and no TensorFlow log."""
    root = str(Path(__file__).resolve().parent.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TF_CPP_MIN_LOG_LEVEL": "3"}


def signal_name(number: int) -> str:
    """Return the name of a signal: "SIGSEGV" for 11, "signal 40" for signals without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def last_words(log: str) -> str:
    """Return the last line in the log of a crashed child."""
    return _last_line(log) if log.strip() else "no message"


def give_back_memory() -> None:
    """Return freed memory to the system, if this process is large, has grown and runs on Linux with glibc.

    TensorFlow leaves a gigabyte of freed memory, which a child process may need.
    """
    global _trimmed_bytes
    if not STATM.exists():
        return
    _trimmed_bytes = min(_trimmed_bytes, resident_bytes())  # Growth counts from the smallest size since the last time.
    if resident_bytes() < max(WORTHWHILE_BYTES, _trimmed_bytes + GROWTH_BYTES):
        return
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    _trimmed_bytes = resident_bytes()


def keep_freed_memory() -> None:
    """Let this process reuse the memory of arrays of megabytes, on Linux with glibc.

    Otherwise every array of an inference gets fresh pages, which the system clears first: for a decoder of 124 million
    weights in 4 bits, whose cache has 75 MB, that takes 40 % of the time of a token.
    """
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if STATM.exists() and tune is not None:
        tune(_MMAP_THRESHOLD, REUSED_BYTES)
        tune(_TRIM_THRESHOLD, KEPT_BYTES)


def resident_bytes() -> int:
    """Return the resident memory of this process, on Linux."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _crash(worker: Worker) -> str:
    words = last_words(worker.log.read_text(encoding="utf-8", errors="replace"))
    code = worker.exit_code
    return f"the runtime crashed ({signal_name(-code)}): {words}" if code < 0 else f"the runtime failed: {words}"


def _last_line(text: str) -> str:
    """Return the last line that is no routine message of a library, or the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return ([line for line in lines if not ROUTINE.match(line)] or lines)[-1][:300]


def _as_seen_from_anywhere(value: Any) -> str:
    """Return a path in absolute form: an idle child may have another working folder."""
    return str(value.absolute()) if isinstance(value, Path) else str(value)
