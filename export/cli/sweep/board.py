"""The progress of a sweep: which jobs run, and a line for each that is done."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from export.cli.progress_bar import ProgressBar
from export.sweep.job import Job, Outcome

if TYPE_CHECKING:
    from rich.console import Console

STEP = "run the jobs"


@dataclass
class Board:
    """Shows the jobs that run; workers report to it from threads of their own."""

    console: Console
    progress: ProgressBar
    total: int
    done: int = 0
    running: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    begun: float = field(default_factory=time.monotonic)

    def told(self, job: Job, step: str) -> None:
        """Show the step of a job."""
        with self.lock:
            self.running[job.name] = step
            self.progress.step(STEP, None, self.total, self._detail())

    def finished(self, outcome: Outcome) -> None:
        """Count a job, and print its result unless it was in the store."""
        with self.lock:
            self.done += 1
            self.running.pop(outcome.job.name, None)
            if outcome.attempts:
                self.console.print(f"- job {self.done} of {self.total}: {_words(outcome)}", soft_wrap=True)
            self.progress.step(STEP, self.done, self.total, self._detail())

    def _detail(self) -> str:
        return "; ".join(f"{name}: {step}" for name, step in self.running.items())


def _words(outcome: Outcome) -> str:
    """Return the result of a job: "lenet5-int8: proven, 12 s"."""
    name = outcome.job.name
    if outcome.error:
        return f"{name}: failed: {outcome.error}"
    if outcome.export is None:
        return f"{name}: failed"
    verdict = "proven" if outcome.is_good else "failed its proof" if not outcome.export["passed"] else "not packed"
    again = f", attempt {outcome.attempts}" if outcome.attempts > 1 else ""
    return f"{name}: {verdict}, {outcome.export['cost']['seconds']:.0f} s{again}"
