"""One child process for all commands that tests run with `main`: TensorFlow loads once, and not for each of them.

`zoo export` and `zoo train` work in a process of their own. Tests of the process itself use a
real `zoo` (`tests.program`), or with the fixture `own_process`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from export.process import JobResult, Worker
from export.progress import Progress, Quiet
from export.runtime import background

PASSING = ("COLUMNS", "PYTEST_CURRENT_TEST")  # variables that change between tests and that no command reads there


class KeptWorker(Worker):
    """A child process that `background` closes after every job, and that stays if the job came to its end."""

    def __init__(self) -> None:
        super().__init__()
        self.environment = _environment()
        self.is_idle = True

    def do(self, job: Callable[..., JobResult], arguments: Mapping[str, Any], progress: Progress) -> JobResult | None:
        self.is_idle = False
        event = super().do(job, arguments, progress)
        self.is_idle = event is not None
        return event

    def close(self) -> None:
        if not self.is_idle:
            self.end()

    def end(self) -> None:
        _kept.clear()
        super().close()


_kept: list[KeptWorker] = []


def lend() -> KeptWorker:
    """Return the kept process, in our folder; a new one if there is none, or if the environment is another."""
    if _kept and _kept[0].environment != _environment():
        _kept[0].end()
    if not _kept:
        _kept.append(KeptWorker())
    _kept[0].do(os.chdir, {"path": Path.cwd()}, Quiet())
    return _kept[0]


@pytest.fixture(scope="session", autouse=True)
def _lent_process() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(background, "Worker", lend)
        yield
    for worker in _kept[:]:
        worker.end()


@pytest.fixture
def own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every command of this test a process of its own."""
    monkeypatch.setattr(background, "Worker", Worker)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in PASSING}
