"""Native runtimes run in a child process: a crash there is a sentence here, not a dead command."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from export import freed_memory
from zoo.errors import CheckFailedError, OutsideError, UsageProblemError, ZooError

WORKER = "export.worker"


class RuntimeCrashError(OutsideError):
    """A runtime could not load or run a file; the message holds its last words."""


def call(job: str, *, timeout_s: float = 900, program: str = WORKER, **arguments: Any) -> dict[str, Any]:
    """Run one of `export.worker`'s jobs and return its answer.

    Args:
        job: the name of a function in the program's `JOBS`.
        timeout_s: after which the child is killed.
        program: the module that runs it.
        arguments: plain data and paths.

    Raises:
        RuntimeCrashError: the child crashed, was killed, or refused; silence counts as a crash.
        ZooError: the child says why it cannot be done: a UsageProblemError if the file is not what it should be.
    """
    freed_memory.give_back()
    with tempfile.TemporaryDirectory(prefix="zoo-export-") as folder:
        answer_file = Path(folder) / "answer.json"
        request = json.dumps({"job": job, "arguments": arguments, "answer": str(answer_file)}, default=str)
        try:
            child = subprocess.run(
                [sys.executable, "-P", "-m", program],
                input=request,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                env=environment(),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RuntimeCrashError(f"the runtime did not answer within {timeout_s:g} s") from None
        if child.returncode != 0 or not answer_file.exists():
            raise RuntimeCrashError(_last_words(child))
        answer: dict[str, Any] = json.loads(answer_file.read_text(encoding="utf-8"))
    if "refused" in answer:
        raise _ERRORS[answer["exit_code"]](answer["refused"])
    return answer


_ERRORS: dict[int, type[ZooError]] = {1: CheckFailedError, 2: UsageProblemError, 3: OutsideError}


def environment() -> dict[str, str]:
    """Return our environment; the child finds the same packages, and keeps quiet."""
    root = str(Path(__file__).resolve().parent.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TF_CPP_MIN_LOG_LEVEL": "3"}


def _last_words(child: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in child.stderr.splitlines() if line.strip()]
    # A foreseen error is a sentence already; its class is of no use to the reader.
    words = re.sub(r"^\w+\.errors\.\w+: ", "", lines[-1])[:300] if lines else "no message"
    if child.returncode < 0:
        return f"the runtime crashed ({signal_name(-child.returncode)}): {words}"
    return f"the runtime failed: {words}"


def signal_name(number: int) -> str:
    """Return "SIGSEGV" for 11; real-time signals have no names."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
