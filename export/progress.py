"""Progress reports of long runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

SPARED_SECONDS = 0.5  # between two reports of a job that is timed

# Is called with how much of a step is done, and how much there is.
Counted = Callable[[int, int], None]


class Progress(Protocol):
    """Receives the steps of a long run."""

    def step(self, what: str, done: int | None = None, total: int | None = None, detail: str = "") -> None:
        """Report the current step, with `done` of `total` if the step can be counted, and what it has measured so far.

        A detail of a step that is done stays in sight.
        """
        ...


class Quiet:
    """A progress that discards every report."""

    def step(self, what: str, done: int | None = None, total: int | None = None, detail: str = "") -> None:
        """Do nothing."""


@dataclass(frozen=True)
class OfStep:
    """A progress of a job that is one step of a run: only how much of it is done is passed on."""

    counted: Counted

    def step(self, what: str, done: int | None = None, total: int | None = None, detail: str = "") -> None:
        """Pass on how much is done."""
        if done is not None and total is not None:
            self.counted(done, total)


@dataclass
class Sparing:
    """Passes a report on if the last one is long enough ago, so that reports do not disturb what is timed."""

    progress: Progress
    last_s: float = field(default_factory=time.monotonic)

    def __call__(self, done: int, total: int) -> None:
        """Report how much is done."""
        now = time.monotonic()
        if now - self.last_s >= SPARED_SECONDS:
            self.last_s = now
            self.progress.step("", done, total)


def uncounted(done: int, total: int) -> None:
    """Do nothing."""
