"""A spinner with the current step and the elapsed time; plain lines if the output is not a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console


class ProgressBar:
    """Show the steps of a long run on a console; implements `export.progress.Progress`."""

    def __init__(self, console: Console) -> None:
        """Create a progress bar on `console`; without a terminal, it prints one line per step."""
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._console = console
        self._last = ""
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TimeElapsedColumn(),
            TextColumn("[dim]left[/]"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("start", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def step(self, what: str, done: int | None = None, total: int | None = None) -> None:
        """Show the current step, with `done` of `total` if the step can be counted."""
        if not self._console.is_terminal and what != self._last:
            self._console.print(f"- {what}", style="dim")
        if what != self._last:
            self._progress.reset(self._task)  # the time estimate of one step does not apply to the next
        self._last = what
        self._progress.update(self._task, description=what, completed=done or 0, total=total)
