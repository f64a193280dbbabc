"""The jobs of a sweep on a Ray cluster: one task for each, whose result goes into the store from the node it ran on.

Ray runs tasks in worker processes that it keeps, as the sweep does on one machine, and repeats a task whose process or
node was lost. A node needs this project in the same version, and must reach the store, through which it also gets the
files that the jobs read.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from export.runtime import cores
from export.sweep import work
from export.sweep.inputs import received, sent
from export.sweep.job import Job, Outcome
from export.sweep.keys import code
from export.sweep.local import MOST_JOBS, Told
from export.sweep.store import Store
from export.sweep.task import completed
from zoo.errors import OutsideError, ZooError

NEW = "ray"  # the address that stands for a new cluster on this machine
RUNNING = "run on the cluster"


def outcomes(
    jobs: Sequence[Job], store: Store, address: str, *, at_once: int | None, retries: int, told: Told
) -> Iterator[Outcome]:
    """Make jobs on a cluster and yield their outcomes as they complete.

    Args:
        jobs: what is missing.
        store: where results are kept; every node must reach it.
        address: of the cluster, or "ray" for a new one on this machine.
        at_once: largest number of jobs at the same time; None leaves it to the cluster.
        retries: how often a job is repeated whose process or node was lost.
        told: is called when a job is given to the cluster.

    Raises:
        OutsideError: there is no cluster at the address.
    """
    import ray

    _connect(address, at_once)
    try:
        task = ray.remote(
            num_cpus=1,
            max_retries=retries,
            max_calls=MOST_JOBS,
            runtime_env={"env_vars": cores.limited_to(1)},
        )(_on_node)
        yield from _collected(jobs, task, store, told, at_once or len(jobs))
    finally:
        ray.shutdown()


def _connect(address: str, at_once: int | None) -> None:
    """Start or join a cluster.

    Raises:
        OutsideError: it cannot be reached.
    """
    import ray

    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address == NEW:
            ray.init(address="local", num_cpus=at_once or cores.count(), include_dashboard=False, **quiet)
        else:
            ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        why = str(error).strip().splitlines()[0]
        raise OutsideError(f"--on {address}: there is no Ray cluster ({why}); start it: ray start --head") from error


def _collected(jobs: Sequence[Job], task: Any, store: Store, told: Told, at_once: int) -> Iterator[Outcome]:
    """Give jobs to the cluster, as many at once as allowed, and yield their outcomes."""
    import ray

    waiting = list(jobs)
    running: dict[Any, Job] = {}
    while waiting or running:
        while waiting and len(running) < at_once:
            job = waiting.pop(0)
            there = replace(job, recipe=sent(job.recipe, store))
            running[task.remote(there, store.url, code())] = job
            told(job, RUNNING)
        (done, *_), _ = ray.wait(list(running), num_returns=1)
        job = running.pop(done)
        try:
            yield replace(ray.get(done), job=job)
        except ray.exceptions.RayError as error:
            lost = isinstance(error, ray.exceptions.WorkerCrashedError | ray.exceptions.NodeDiedError)
            why = "its worker was lost" if lost else str(error).strip().splitlines()[-1][:300]
            yield Outcome(job=job, packs={}, error=f"on the cluster: {why}", attempts=1)


def _check_version(expected: str) -> None:
    """Check that this node makes what the key of a result says.

    Raises:
        OutsideError: it has other code or libraries.
    """
    if code() != expected:
        raise OutsideError("this node has another version of zoo-export, of Python or of a library; install the same")


def _on_node(job: Job, url: str, expected: str) -> Outcome:
    """Make a job in this process, on a node of the cluster."""
    from export.progress import Quiet

    try:
        _check_version(expected)
        store = Store(url)
        local = replace(job, recipe=received(job.recipe, store))
        return completed(local, store, lambda arguments: work.make(**arguments, progress=Quiet()))
    except ZooError as error:
        return Outcome(job=job, packs={}, error=str(error), attempts=1)
    except Exception as error:  # the other jobs go on
        return Outcome(job=job, packs={}, error=f"the export failed: {error}", attempts=1)
