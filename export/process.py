"""Jobs in a child process: a crash of a native library there is a sentence here, and its memory is given back.

A job is a function of plain data; `export.runtime.worker` is the program that runs it.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from export.progress import Progress, Quiet
from zoo.errors import CheckFailedError, OutsideError, UsageProblemError, ZooError

Answer = dict[str, Any]

PROGRAM = "export.runtime.worker"
PATIENCE_SECONDS = 3  # for a child that was asked to end
ERRORS: Mapping[int, type[ZooError]] = {1: CheckFailedError, 2: UsageProblemError, 3: OutsideError}

STATM = Path("/proc/self/statm")  # of Linux: in pages; the second number is what is resident
WORTHWHILE_BYTES = 1 << 30  # resident in this process: of less there is little to give back, and looking takes time


class RuntimeCrashError(OutsideError):
    """A runtime could not load or run a file; the message holds its last words."""


class Worker:
    """A child process that does one job after another until it is closed, crashes, or its parent is gone."""

    def __init__(self) -> None:
        # Temporary files of the child lie in a folder of ours: they go, however it ends.
        self._scratch = tempfile.TemporaryDirectory(prefix="zoo-export-", ignore_cleanup_errors=True)
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
                env={**environment(), "TMPDIR": self._scratch.name},
            )
        os.close(writing)
        self._events = os.fdopen(reading, encoding="utf-8")

    @property
    def exit_code(self) -> int:
        """The exit code of a child that has ended; negative: the signal that ended it."""
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(PATIENCE_SECONDS)
        return self._child.returncode or 0

    def do(self, job: Callable[..., Answer], arguments: Mapping[str, Any], progress: Progress) -> Answer | None:
        """Return the child's last event of a job: its answer, an error or a bug; None if it fell silent."""
        request = {"job": f"{job.__module__}:{job.__qualname__}", "arguments": arguments}
        assert self._child.stdin is not None  # we asked for a pipe
        with suppress(BrokenPipeError):  # it died at once; its silence says so
            self._child.stdin.write(json.dumps(request, default=_as_seen_from_anywhere) + "\n")
            self._child.stdin.flush()  # and it stays open: when we die, the child sees its end
        for line in self._events:
            event: Answer = json.loads(line)
            if "step" not in event:
                return event
            progress.step(event["step"], event["done"], event["total"])
        return None

    def kill(self) -> None:
        """End the child at once: it falls silent."""
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
            self._child.kill()  # deep inside a native library, where no signal is heard
            self._child.wait()
        self._events.close()
        self._scratch.cleanup()


# The worker that waits for the next job of this process: at most one, so that a start is paid once.
_waiting: list[Worker] = []


def call(job: Callable[..., Answer], *, timeout_s: float = 900, fresh: bool = False, **arguments: Any) -> Answer:
    """Run a job in a child process and return its answer.

    Args:
        job: a function of a module that does not import TensorFlow, or a fresh one.
        timeout_s: after which the child is killed.
        fresh: in a process that did nothing before and does nothing afterwards: for what measures or fills its memory.
        arguments: plain data and paths.

    Raises:
        RuntimeCrashError: the child crashed, was killed, or failed; silence counts as a crash.
        ZooError: the job says why it cannot be done: a UsageProblemError if the file is not what it should be.
    """
    give_back_memory()
    worker = Worker() if fresh or not _waiting else _waiting.pop()
    clock = threading.Timer(timeout_s, worker.kill)
    keep = False
    try:
        clock.start()
        answer = worker.do(job, arguments, Quiet())
        if answer is None:
            late = clock.finished.is_set()
            raise RuntimeCrashError(f"the runtime did not answer within {timeout_s:g} s" if late else _crash(worker))
        keep = not fresh
    finally:
        clock.cancel()
        if keep:
            _waiting.append(worker)
        else:
            worker.close()
    if "bug" in answer:
        raise RuntimeCrashError(f"the runtime failed: {_last_line(answer['bug'])}")
    if answer.get("exit_code") == ZooError.exit_code:  # of a file that its runtime refuses
        raise RuntimeCrashError(f"the runtime failed: {answer['error']}")
    return answer_or_error(answer)


@atexit.register
def close_waiting() -> None:
    """End the worker that waits for the next job; the next one starts another, in the environment of that time."""
    while _waiting:
        _waiting.pop().close()


def answer_or_error(event: Answer) -> Answer:
    """Return a job's answer, or raise the error that it ended with."""
    if "error" in event:
        raise ERRORS[event["exit_code"]](event["error"])
    answer: Answer = event["answer"]
    return answer


def environment() -> dict[str, str]:
    """Return our environment; the child finds the same packages, and keeps quiet."""
    root = str(Path(__file__).resolve().parent.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TF_CPP_MIN_LOG_LEVEL": "3"}


def signal_name(number: int) -> str:
    """Return "SIGSEGV" for 11; real-time signals have no names."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def last_words(log: str) -> str:
    """Return the last line that a crashed child printed."""
    return _last_line(log) if log.strip() else "no message"


def give_back_memory() -> None:
    """Let the system have what this process freed, if it is large and the system is Linux with glibc.

    TensorFlow leaves a gigabyte of freed memory, which a child process may need.
    """
    if not STATM.exists() or resident_bytes() < WORTHWHILE_BYTES:
        return
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def resident_bytes() -> int:
    """Return what this process takes of the memory, on Linux."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _crash(worker: Worker) -> str:
    words = last_words(worker.log.read_text(encoding="utf-8", errors="replace"))
    code = worker.exit_code
    return f"the runtime crashed ({signal_name(-code)}): {words}" if code < 0 else f"the runtime failed: {words}"


def _last_line(text: str) -> str:
    return [line.strip() for line in text.splitlines() if line.strip()][-1][:300]


def _as_seen_from_anywhere(value: Any) -> str:
    """Return a path without regard to the folder that we are in: a waiting child is still in another."""
    return str(value.absolute()) if isinstance(value, Path) else str(value)
