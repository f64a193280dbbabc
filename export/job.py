"""An export in a process of its own: what native libraries print goes to a log, and their crash is a sentence."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from export.child import environment
from export.progress import Progress
from export.recipe import Io, Precision, Recipe
from zoo.errors import CheckFailedError, OutsideError, UsageProblemError, ZooError

_ERRORS: dict[int, type[ZooError]] = {1: CheckFailedError, 2: UsageProblemError, 3: OutsideError}


def start(recipe: Recipe, progress: Progress) -> dict[str, Any]:
    """Run `recipe` in a child process and return `{"folder", "manifest"}`.

    Raises:
        ZooError: as `export.pipeline.run`; OutsideError if the process crashed.
        RuntimeError: a bug of ours, with the child's traceback.
    """
    log = tempfile.NamedTemporaryFile("w+", prefix="zoo-export-", suffix=".log", delete=False)  # noqa: SIM115
    with log:
        reading, writing = os.pipe()
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "export.job", str(writing)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            text=True,
            pass_fds=(writing,),
            env=environment(),
        )
        os.close(writing)
        try:
            answer = _listen(child, recipe, reading, progress)
        finally:
            if child.poll() is None:
                child.terminate()
            child.wait()
    if answer is None:
        raise OutsideError(_crash(child.returncode, Path(log.name)))
    Path(log.name).unlink()
    if "bug" in answer:
        raise RuntimeError(answer["bug"])
    if "error" in answer:
        raise _ERRORS[answer["exit_code"]](answer["error"])
    return answer


def _listen(child: subprocess.Popen[str], recipe: Recipe, reading: int, progress: Progress) -> dict[str, Any] | None:
    """Send the recipe, pass on what the child tells, and return its last word; None if it fell silent."""
    assert child.stdin is not None  # we asked for a pipe
    answer = None
    with os.fdopen(reading, encoding="utf-8") as events:
        child.stdin.write(json.dumps({**asdict(recipe), "out": str(recipe.out)}) + "\n")
        child.stdin.flush()  # and it stays open: when we die, the child sees its end
        for line in events:
            event = json.loads(line)
            if "step" in event:
                progress.step(event["step"], event["done"], event["total"])
            else:
                answer = event
    return answer


def _crash(code: int, log: Path) -> str:
    words = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    how = f"crashed ({signal.Signals(-code).name})" if code < 0 else f"ended with code {code}"
    return f"the export {how}; nothing was written. Its last words: {words[-1][:200] if words else 'none'} (log: {log})"


class _Told:
    """Progress that is written as lines of JSON."""

    def __init__(self, events: TextIO) -> None:
        self._events = events

    def step(self, what: str, done: int | None = None, total: int | None = None) -> None:
        self.send({"step": what, "done": done, "total": total})

    def send(self, event: Mapping[str, Any]) -> None:
        self._events.write(json.dumps(event) + "\n")
        self._events.flush()


def _recipe(record: dict[str, Any]) -> Recipe:
    record["precisions"] = tuple(Precision(name) for name in record["precisions"])
    record["formats"] = tuple(record["formats"])
    record["io"] = Io(record["io"]) if record["io"] else None
    record["out"] = Path(record["out"])
    return Recipe(**record)


def _follow_parent() -> None:
    """End when the command that started us is gone."""

    def watch() -> None:
        sys.stdin.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def _leave(_number: int, _frame: object) -> None:
    raise SystemExit(1)  # through the `finally`s: temporary folders go


def main() -> int:
    """Read a recipe from standard input, export it, tell events on the file descriptor in argv."""
    import traceback

    from export import pipeline

    signal.signal(signal.SIGTERM, _leave)
    with os.fdopen(int(sys.argv[1]), "w", encoding="utf-8") as events:
        told = _Told(events)
        recipe = _recipe(json.loads(sys.stdin.readline()))
        _follow_parent()
        try:
            delivery = pipeline.run(recipe, told)
        except ZooError as error:
            told.send({"error": str(error), "exit_code": error.exit_code})
        except KeyboardInterrupt:
            told.send({"error": "interrupted", "exit_code": 3})
        except Exception:  # a bug is shown by the parent, with this traceback
            told.send({"bug": traceback.format_exc()})
        else:
            folder = str(delivery.folder) if delivery.folder else None
            told.send({"folder": folder, "manifest": delivery.manifest})
    return 0


if __name__ == "__main__":
    sys.exit(main())
