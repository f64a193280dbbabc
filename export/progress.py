"""Progress reports of long runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

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


def uncounted(done: int, total: int) -> None:
    """Do nothing."""
