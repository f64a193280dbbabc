"""Progress reports of long runs."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the steps of a long run."""

    def step(self, what: str, done: int | None = None, total: int | None = None) -> None:
        """Report the current step, with `done` of `total` if the step can be counted."""
        ...


class Quiet:
    """A progress that discards every report."""

    def step(self, what: str, done: int | None = None, total: int | None = None) -> None:
        """Do nothing."""
