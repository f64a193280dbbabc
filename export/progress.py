"""How a long run tells what it is doing, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Hears of every step; `done` of `total` where a step can be counted."""

    def step(self, what: str, done: int | None = None, total: int | None = None) -> None:
        """Say what begins or goes on now."""
        ...


class Quiet:
    """Says nothing."""

    def step(self, what: str, done: int | None = None, total: int | None = None) -> None:
        """Do nothing."""
