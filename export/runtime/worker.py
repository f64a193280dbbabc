"""The child process of `export.process`, which reads requests from standard input and writes events as JSON lines.

A request names a function and its arguments. Events are the progress steps, followed by one last event: the result, an
error with its exit code, or the traceback of a bug.
"""

from __future__ import annotations

import atexit
import importlib
import inspect
import json
import os
import queue
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from typing import Any, TextIO

from export import missing, temporary
from export.process import give_back_memory
from zoo.errors import OutsideError, ZooError

Requests = queue.SimpleQueue[str | None]


class Events:
    """The pipe to the parent; implements the `Progress` of a job."""

    def __init__(self, pipe: TextIO) -> None:
        self._pipe = pipe

    def step(self, what: str, done: int | None = None, total: int | None = None, detail: str = "") -> None:
        """Send a step to the parent."""
        self.send({"step": what, "done": done, "total": total, "detail": detail})

    def send(self, event: Mapping[str, Any]) -> None:
        """Write one event."""
        self._pipe.write(json.dumps(event) + "\n")
        self._pipe.flush()


def main() -> int:
    """Run requested jobs until the parent closes standard input; write events to the file descriptor in argv."""
    signal.signal(signal.SIGTERM, _leave)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # nohup ignores it
        signal.signal(signal.SIGHUP, _leave)  # a closed terminal sends it to the whole group
    descriptor, scratch = int(sys.argv[1]), sys.argv[2]
    requests: Requests = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests, scratch), daemon=True).start()
    with os.fdopen(descriptor, "w", encoding="utf-8") as pipe:
        events = Events(pipe)
        while (line := requests.get()) is not None:
            events.send(_last_event(json.loads(line), events))
            give_back_memory()
    return 0


def _read(requests: Requests, scratch: str) -> None:
    """Queue requests; when the parent exits, clean up and end this process, even during a job."""
    for line in sys.stdin:
        requests.put(line)
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    requests.put(None)  # ends this process behind its job where a library swallows the exit that the signal raises
    os.kill(os.getpid(), signal.SIGTERM)


def _leave(_number: int, _frame: object) -> None:
    raise SystemExit(1)  # Runs the `finally` blocks, which remove temporary folders.


def _last_event(request: Mapping[str, Any], events: Events) -> dict[str, Any]:
    """Run a job and return its last event, whatever happens."""
    try:
        module, _, name = request["job"].partition(":")
        job = getattr(importlib.import_module(module), name)
        progress = {"progress": events} if "progress" in inspect.signature(job).parameters else {}
        return {"answer": job(**request["arguments"], **progress)}
    except ZooError as error:
        is_full = isinstance(error, temporary.FullDiskError)
        return {"error": str(error), "exit_code": error.exit_code, "is_full": is_full}
    except KeyboardInterrupt:
        return {"error": "interrupted", "exit_code": OutsideError.exit_code}
    except ModuleNotFoundError as error:
        what_to_type = missing.sentence(error)
        return {"error": what_to_type, "exit_code": 3} if what_to_type else {"bug": traceback.format_exc()}
    except Exception as error:  # The parent reports a bug with this traceback.
        if temporary.is_full(error):
            why = f"{temporary.full_sentence()}; nothing was written"
            return {"error": why, "exit_code": OutsideError.exit_code, "is_full": True}
        return {"bug": traceback.format_exc()}


if __name__ == "__main__":
    sys.exit(main())
