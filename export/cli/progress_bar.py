"""A spinner with the current step, how much of it is done and how long it takes; plain lines without a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from export.cli.console import print_sentence
from export.cli.remaining import in_words, seconds_left

if TYPE_CHECKING:
    from rich.console import Console
    from rich.spinner import Spinner

LEAST_SECONDS = 0.5  # between two reports that are remembered


@dataclass(frozen=True, kw_only=True)
class Step:
    """The step that a run is at.

    Attributes:
        what: its name.
        number: its place among the planned steps, or of the last planned one before it; 0 if none was planned.
        begun: time of its first report, in seconds.
        total: how much there is to do; None if that cannot be counted.
        detail: what it has measured so far.
        history: for each report, the seconds since it began, and how much was done.
    """

    what: str
    number: int = 0
    begun: float = 0.0
    total: int | None = None
    detail: str = ""
    history: tuple[tuple[float, int], ...] = field(default=(), repr=False)


class ProgressBar:
    """Show the steps of a long run on a console; implements `export.progress.Progress`."""

    def __init__(self, console: Console, planned: Sequence[str] = (), opening: str = "") -> None:
        """Create a progress bar on `console`; without a terminal, it prints one line per step.

        `planned` are the names of the steps that the run is known to have, in order. `opening` is printed before the
        first step: what is wrong with a command is said without it.
        """
        from rich.live import Live
        from rich.spinner import Spinner

        self._console, self._planned, self._opening = console, tuple(planned), opening
        self._is_live = console.is_terminal and not console.is_dumb_terminal  # a dumb one cannot go back in a line
        self._begun, self._step = time.monotonic(), Step(what="start")
        self._spinner = Spinner("dots")
        self._live = Live(get_renderable=self._shown, console=console, transient=True, refresh_per_second=8)

    def __enter__(self) -> Self:
        if self._is_live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._live.stop()

    def step(self, what: str, done: int | None = None, total: int | None = None, detail: str = "") -> None:
        """Show the current step, with `done` of `total` if it can be counted; a detail of a step that is done stays."""
        is_new, now = what != self._step.what, time.monotonic()
        if self._opening:
            mark = "" if self._is_live else "- "
            print_sentence(self._console, f"{mark}{self._opening}", style="dim")
            self._opening = ""
        if is_new:
            self._step = Step(what=what, number=self._number(what), begun=now)
            if not self._is_live:
                self._console.print(f"- {self._title()}", style="dim", soft_wrap=True)
        history = self._step.history if done is None else _seen(self._step.history, now - self._step.begun, done)
        self._step = replace(self._step, total=total, detail=detail, history=history)
        if detail and done is not None and done == total:
            self._console.print(f"{what}: {detail}", soft_wrap=True)

    def _number(self, what: str) -> int:
        """Return the place of a step in the plan; steps that nobody planned belong to the one before them."""
        with suppress(ValueError):
            return max(self._step.number, self._planned.index(what) + 1)
        return self._step.number

    def _title(self) -> str:
        number = self._step.number
        return f"step {number} of {len(self._planned)}: {self._step.what}" if number else self._step.what

    def _shown(self) -> Spinner:
        from rich.text import Text

        now = time.monotonic()
        line = words(self._title(), self._step, now, now - self._begun, self._console.width - 2)
        self._spinner.update(text=Text(line, no_wrap=True, overflow="ellipsis"))
        return self._spinner


def _seen(history: tuple[tuple[float, int], ...], elapsed: float, done: int) -> tuple[tuple[float, int], ...]:
    """Return the reports with a new one, in place of the last if that is recent: there may be thousands."""
    is_recent = len(history) > 1 and elapsed - history[-2][0] < LEAST_SECONDS
    return (*(history[:-1] if is_recent else history), (elapsed, done))


def words(title: str, step: Step, now: float, elapsed: float, width: int) -> str:
    """Return the line about a step: what is done of it, what is left, and how long the run has taken so far.

    Args:
        title: of the step.
        step: the step.
        now: the time, in seconds.
        elapsed: seconds since the run began.
        width: characters that fit; what is least important is left out.
    """
    done = f" ({step.history[-1][1]} of {step.total})" if step.history and step.total else ""
    left = _left(step, now)
    parts = [
        f"{title}{done}",
        step.detail,
        f"about {in_words(left)} left in this step" if left is not None else "",
        f"{_clock(elapsed)} so far",
    ]
    shown = [part for part in parts if part]
    while len(shown) > 1 and len(", ".join(shown)) > width:
        shown.pop()
    return ", ".join(shown)


def _left(step: Step, now: float) -> float | None:
    """Return the seconds that are left now; None if nobody knows, or if the step takes longer than foreseen."""
    expected = seconds_left(step.history, step.total) if step.total else None
    if expected is None:
        return None
    left = expected - (now - step.begun - step.history[-1][0])
    return left if left > 0 else None


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"
