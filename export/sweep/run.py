"""A sweep: what the store lacks is made, here or on a cluster, and the outcomes come as they complete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from export.sweep import local
from export.sweep.job import Job, Outcome
from export.sweep.store import Store
from export.sweep.task import stored

REQUESTS = 32  # to the store at once


@dataclass(frozen=True, kw_only=True)
class Way:
    """How the jobs of a sweep are made.

    Attributes:
        at_once: number of jobs at the same time; of a cluster, None leaves it to the cluster.
        retries: how often a job is repeated whose worker was lost.
        jobs_per_worker: a worker on this machine makes no more than so many, and is then replaced.
        cluster: address of a Ray cluster, "ray" for a new one on this machine, or empty for none.
    """

    at_once: int | None
    retries: int = 1
    jobs_per_worker: int = local.MOST_JOBS
    cluster: str = ""


def in_store(jobs: Sequence[Job], store: Store) -> list[Outcome]:
    """Return what the store has of every job; many requests at once, since a distant store takes long for each."""
    with ThreadPoolExecutor(REQUESTS) as threads:
        return list(threads.map(lambda job: stored(job, store), jobs))


def outcomes(jobs: Sequence[Job], store: Store, way: Way, told: local.Told) -> Iterator[Outcome]:
    """Yield the outcome of every job: first those that are in the store, then the others as they complete.

    Raises:
        ZooError: the store or the cluster cannot be used.
    """
    missing: dict[str, Job] = {}
    again: list[Job] = []  # of the same files as another job
    for job, known in zip(jobs, in_store(jobs, store), strict=True):
        if known.is_complete:
            yield known
        elif job.key in missing:
            again.append(job)
        else:
            missing[job.key] = job
    for some in (list(missing.values()), again):
        if some and way.cluster:
            from export.sweep.on_ray import outcomes as on_cluster

            yield from on_cluster(some, store, way.cluster, at_once=way.at_once, retries=way.retries, told=told)
        elif some:
            most = way.jobs_per_worker
            yield from local.outcomes(some, store, way.at_once or 1, retries=way.retries, most_jobs=most, told=told)
