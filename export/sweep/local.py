"""The jobs of a sweep on this machine: several worker processes, each of which makes one job after another.

A worker is kept because it has imported TensorFlow, which takes half of the time of a small export. One that crashes
costs the job that it was at; one that has grown is replaced.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from export.process import JobResult, Worker, last_words, result_or_error, signal_name
from export.runtime import cores
from export.sweep import work
from export.sweep.job import Job, Outcome
from export.sweep.store import Store
from export.sweep.task import completed
from zoo.errors import CheckFailedError, OutsideError, ZooError

MOST_JOBS = 25  # of one worker
MOST_KEPT_BYTES = 2_000_000_000  # of a worker between two jobs: TensorFlow, Keras and the runtimes take half of it

Told = Callable[[Job, str], None]  # a job, and the step that it has reached


@dataclass(frozen=True)
class _Steps:
    """Reports the steps of a job; implements `export.progress.Progress`."""

    job: Job
    told: Told

    def step(self, what: str, done: int | None = None, total: int | None = None, detail: str = "") -> None:
        """Pass on the name of a step."""
        self.told(self.job, what)


@dataclass(eq=False)
class _Kept:
    """A worker, and how many jobs it has made."""

    worker: Worker
    jobs: int = 0


@dataclass
class _Crew:
    """The workers of a sweep."""

    cores_each: int
    most_jobs: int = MOST_JOBS
    idle: list[_Kept] = field(default_factory=list)
    busy: list[_Kept] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    has_ended: bool = False

    def take(self) -> _Kept:
        """Return an idle worker, or a new one."""
        with self.lock:
            if self.has_ended:
                raise CancelledError
            one = self.idle.pop() if self.idle else _Kept(Worker(cores.limited_to(self.cores_each)))
            self.busy.append(one)
            return one

    def check_running(self) -> None:
        """Check that a worker was not killed because the sweep has ended.

        Raises:
            CancelledError: it has.
        """
        if self.has_ended:
            raise CancelledError

    def give_back(self, one: _Kept, *, keep: bool) -> None:
        """Keep a worker for the next job, or end it."""
        with self.lock:
            self.busy.remove(one)
            keep = keep and not self.has_ended
            if keep:
                self.idle.append(one)
        if not keep:
            one.worker.close()

    def end(self) -> None:
        """Kill the workers that are at a job, and end the others."""
        with self.lock:
            self.has_ended = True
            idle, self.idle = self.idle, []
            for one in self.busy:
                one.worker.kill()
        for one in idle:
            one.worker.close()


def outcomes(
    jobs: Sequence[Job], store: Store, at_once: int, *, retries: int, told: Told, most_jobs: int = MOST_JOBS
) -> Iterator[Outcome]:
    """Make jobs and yield their outcomes as they complete; results go into the store.

    Args:
        jobs: what is missing.
        store: where results are kept.
        at_once: number of workers, which share the cores of this machine.
        retries: how often a job is repeated whose worker crashed, or that something outside kept from completion.
        told: is called from the threads of the workers.
        most_jobs: of one worker, which is then replaced.
    """
    crew = _Crew(most_jobs=most_jobs, cores_each=max(1, cores.count() // at_once))
    with ThreadPoolExecutor(at_once) as threads:
        try:
            for done in as_completed([threads.submit(_outcome, job, store, crew, retries, told) for job in jobs]):
                yield done.result()
        except BaseException:  # Ctrl-C, too: no job goes on behind it
            threads.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            crew.end()


def _outcome(job: Job, store: Store, crew: _Crew, retries: int, told: Told) -> Outcome:
    """Make a job, as often as allowed."""
    attempt = 0
    while True:
        attempt += 1
        try:
            return replace(completed(job, store, partial(_made, job, crew, told)), attempts=attempt)
        except ZooError as error:
            if attempt > retries or not isinstance(error, OutsideError):
                return Outcome(job=job, packs={}, error=str(error), attempts=attempt)


def _made(job: Job, crew: _Crew, told: Told, arguments: Mapping[str, Any]) -> JobResult:
    """Make what is missing of a job in a worker.

    Raises:
        ZooError: the error of the job; an OutsideError if its worker crashed.
    """
    one = crew.take()
    keep = False
    try:
        event = one.worker.do(work.make, arguments, _Steps(job, told))
        if event is None:
            crew.check_running()
            raise OutsideError(_crash(one.worker))
        if "bug" in event:
            raise CheckFailedError(f"the export failed: {event['bug'].strip().splitlines()[-1][:300]}")
        one.jobs += 1
        keep = one.jobs < crew.most_jobs and not job.leaves_code
        result = result_or_error(event)
        keep = keep and result["kept_bytes"] < MOST_KEPT_BYTES
        return result
    finally:
        crew.give_back(one, keep=keep)


def _crash(worker: Worker) -> str:
    code = worker.exit_code
    how = f"crashed ({signal_name(-code)})" if code < 0 else f"ended with code {code}"
    words = last_words(worker.log.read_text(encoding="utf-8", errors="replace"))
    return f"the worker {how}: {words[:200]}"
