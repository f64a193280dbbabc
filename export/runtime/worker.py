"""The child process of `export.process`: it reads requests from standard input and writes events as lines of JSON.

A request names a function and its arguments. Events are the steps of its progress, and one last: its answer, an error
with its exit code, or the traceback of a bug.
"""

from __future__ import annotations

import atexit
import errno
import importlib
import inspect
import json
import os
import queue
import shutil
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from typing import Any, TextIO

from export.process import give_back_memory
from zoo.errors import OutsideError, ZooError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
Requests = queue.SimpleQueue[str | None]


class Events:
    """The pipe to the parent; as the `Progress` of a job it passes on every step."""

    def __init__(self, pipe: TextIO) -> None:
        self._pipe = pipe

    def step(self, what: str, done: int | None = None, total: int | None = None) -> None:
        """Pass on a step."""
        self.send({"step": what, "done": done, "total": total})

    def send(self, event: Mapping[str, Any]) -> None:
        """Write one event."""
        self._pipe.write(json.dumps(event) + "\n")
        self._pipe.flush()


def main() -> int:
    """Do what is requested until the parent closes standard input; events go to the file descriptor in argv."""
    signal.signal(signal.SIGTERM, _leave)
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
    """Pass on requests. When the parent is gone, end, also amid a job, and clean up in its place."""
    for line in sys.stdin:
        requests.put(line)
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    os.kill(os.getpid(), signal.SIGTERM)


def _leave(_number: int, _frame: object) -> None:
    raise SystemExit(1)  # through the `finally`s: temporary folders go


def _last_event(request: Mapping[str, Any], events: Events) -> dict[str, Any]:
    """Do a job and return what the parent hears at the end, whatever happens."""
    try:
        module, _, name = request["job"].partition(":")
        job = getattr(importlib.import_module(module), name)
        progress = {"progress": events} if "progress" in inspect.signature(job).parameters else {}
        return {"answer": job(**request["arguments"], **progress)}
    except ZooError as error:
        return {"error": str(error), "exit_code": error.exit_code}
    except KeyboardInterrupt:
        return {"error": "interrupted", "exit_code": OutsideError.exit_code}
    except Exception as error:  # a bug is shown by the parent, with this traceback
        if _is_full(error):
            why = f"the disk of temporary files is full ({tempfile.gettempdir()}); free some space, or set TMPDIR"
            return {"error": f"{why}; nothing was written", "exit_code": OutsideError.exit_code}
        return {"bug": traceback.format_exc()}


def _is_full(error: Exception) -> bool:
    """Whether a full disk is behind it: native libraries have classes of their own for that, but the system's words."""
    return any(os.strerror(number) in str(error) for number in FULL)


if __name__ == "__main__":
    sys.exit(main())
