"""Long work in a process of its own: what native libraries print goes to a log, and their crash is a sentence."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from typing import Any

from export.process import Answer, Worker, answer_or_error, last_words, signal_name
from export.progress import Progress
from zoo.errors import OutsideError


def start(job: Callable[..., Answer], progress: Progress, **arguments: Any) -> Answer:
    """Do a job in a child process of its own, and return its answer.

    Args:
        job: a function of plain data.
        progress: hears of every step.
        arguments: plain data.

    Raises:
        ZooError: as the job does; OutsideError if the process crashed.
        RuntimeError: a bug of ours, with the child's traceback.
    """
    worker = Worker()
    try:
        event = worker.do(job, arguments, progress)
        if event is None:
            raise OutsideError(_crash(job.__name__, worker))
    finally:
        worker.close()
    if "bug" in event:
        raise RuntimeError(event["bug"])
    return answer_or_error(event)


def _crash(name: str, worker: Worker) -> str:
    code = worker.exit_code
    how = f"crashed ({signal_name(-code)})" if code < 0 else f"ended with code {code}"
    _, kept = tempfile.mkstemp(prefix="zoo-export-", suffix=".log")
    shutil.copyfile(worker.log, kept)
    words = last_words(worker.log.read_text(encoding="utf-8", errors="replace"))
    return f"{name} {how}; nothing was written. Its last words: {words[:200]} (log: {kept})"
