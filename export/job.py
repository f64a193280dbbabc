"""Long work in a process of its own: what native libraries print goes to a log, and their crash is a sentence."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from export.child import environment, signal_name
from export.progress import Progress
from zoo.errors import CheckFailedError, OutsideError, UsageProblemError, ZooError

PATIENCE_SECONDS = 3  # for a child that was told to end

_ERRORS: dict[int, type[ZooError]] = {1: CheckFailedError, 2: UsageProblemError, 3: OutsideError}


def start(name: str, request: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Do what `export.jobs` calls `name` in a child process, and return its answer.

    Args:
        name: "export", "train".
        request: plain data.
        progress: hears of every step.

    Raises:
        ZooError: as the job does; OutsideError if the process crashed.
        RuntimeError: a bug of ours, with the child's traceback.
    """
    with tempfile.TemporaryDirectory(prefix="zoo-export-", ignore_cleanup_errors=True) as scratch:
        log = Path(scratch, "log")
        answer, code = _run({"job": name, "request": dict(request)}, Path(scratch), log, progress)
        if answer is None:
            raise OutsideError(_crash(name, code, log))
    if "bug" in answer:
        raise RuntimeError(answer["bug"])
    if "error" in answer:
        raise _ERRORS[answer["exit_code"]](answer["error"])
    return answer


def _run(order: Mapping[str, Any], scratch: Path, log: Path, progress: Progress) -> tuple[dict[str, Any] | None, int]:
    """Return the child's last word, None if it fell silent, and its exit code."""
    reading, writing = os.pipe()
    with log.open("w") as output:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "export.job", str(writing), str(scratch)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            text=True,
            pass_fds=(writing,),
            # Its temporary files lie in a folder of ours: they go, however it ends.
            env={**environment(), "TMPDIR": str(scratch)},
        )
    os.close(writing)
    try:
        answer = _listen(child, order, reading, progress)
        with suppress(subprocess.TimeoutExpired):
            child.wait(PATIENCE_SECONDS)
    finally:
        _end(child)
    return answer, child.returncode


def _end(child: subprocess.Popen[str]) -> None:
    child.terminate()
    try:
        child.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()  # deep inside a native library, where no signal is heard
        child.wait()


def _listen(
    child: subprocess.Popen[str], order: Mapping[str, Any], reading: int, progress: Progress
) -> dict[str, Any] | None:
    """Send the order, pass on what the child tells, and return its last word; None if it fell silent."""
    assert child.stdin is not None  # we asked for a pipe
    answer = None
    with os.fdopen(reading, encoding="utf-8") as events:
        with suppress(BrokenPipeError):  # it died at once; its silence says so
            child.stdin.write(json.dumps(order, default=str) + "\n")
            child.stdin.flush()  # and it stays open: when we die, the child sees its end
        for line in events:
            event = json.loads(line)
            if "step" in event:
                progress.step(event["step"], event["done"], event["total"])
            else:
                answer = event
    return answer


def _crash(name: str, code: int, log: Path) -> str:
    words = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    how = f"crashed ({signal_name(-code)})" if code < 0 else f"ended with code {code}"
    _, kept = tempfile.mkstemp(prefix="zoo-export-", suffix=".log")
    shutil.copyfile(log, kept)
    return f"{name} {how}; nothing was written. Its last words: {words[-1][:200] if words else 'none'} (log: {kept})"


class _Told:
    """Progress that is written as lines of JSON."""

    def __init__(self, events: TextIO) -> None:
        self._events = events

    def step(self, what: str, done: int | None = None, total: int | None = None) -> None:
        self.send({"step": what, "done": done, "total": total})

    def send(self, event: Mapping[str, Any]) -> None:
        self._events.write(json.dumps(event) + "\n")
        self._events.flush()


def _follow_parent(scratch: str) -> None:
    """End when the command that started us is gone, and clean up in its place."""

    def watch() -> None:
        sys.stdin.read()
        atexit.register(shutil.rmtree, scratch, ignore_errors=True)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def _leave(_number: int, _frame: object) -> None:
    raise SystemExit(1)  # through the `finally`s: temporary folders go


def main() -> int:
    """Read an order from standard input, do it, tell events on the file descriptor in argv."""
    signal.signal(signal.SIGTERM, _leave)
    descriptor, scratch = int(sys.argv[1]), sys.argv[2]
    with os.fdopen(descriptor, "w", encoding="utf-8") as events:
        order = json.loads(sys.stdin.readline())
        _follow_parent(scratch)
        _Told(events).send(_last_word(order, _Told(events)))
    return 0


def _last_word(order: Mapping[str, Any], told: _Told) -> dict[str, Any]:
    """Work and return what the parent is told at the end, whatever happens."""
    import traceback

    from export import jobs

    try:
        return jobs.find(order["job"])(order["request"], told)
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
    from export.destination import FULL

    return any(os.strerror(number) in str(error) for number in FULL)


if __name__ == "__main__":
    sys.exit(main())
