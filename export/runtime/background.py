"""Run long jobs in a separate process, whose output goes to a log and whose crash becomes an error message."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from typing import Any

from export import temporary
from export.process import JobResult, Worker, last_words, result_or_error, signal_name
from export.progress import Progress
from zoo.errors import OutsideError


def start(job: Callable[..., JobResult], progress: Progress, **arguments: Any) -> JobResult:
    """Run a job in a new child process, and return its result.

    Args:
        job: a function of plain data.
        progress: receives every step.
        arguments: plain data.

    Raises:
        ZooError: the error of the job, or an OutsideError if the process crashed.
        RuntimeError: a bug in the job, with the child's traceback.
    """
    temporary.sweep()
    worker = Worker()
    try:
        event = worker.do(job, arguments, progress)
        if event is None:
            raise OutsideError(_crash(job.__name__, worker))
    finally:
        worker.close()
    if "bug" in event:
        raise RuntimeError(event["bug"])
    return result_or_error(event)


def _crash(name: str, worker: Worker) -> str:
    code = worker.exit_code
    how = f"crashed ({signal_name(-code)})" if code < 0 else f"ended with code {code}"
    _, kept = tempfile.mkstemp(prefix="zoo-export-", suffix=".log")
    shutil.copyfile(worker.log, kept)
    words = last_words(worker.log.read_text(encoding="utf-8", errors="replace"))
    return f"{name} {how}; nothing was written. Last line of the log: {words[:200]} (log: {kept})"
