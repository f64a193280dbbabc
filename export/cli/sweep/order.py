"""The order of the jobs of a sweep: the largest first, so that none of them runs alone at the end."""

from __future__ import annotations

from collections.abc import Sequence

from export.cli.usual_time import parameters
from export.sweep.job import Job


def largest_first(jobs: Sequence[Job]) -> list[Job]:
    """Return the jobs by the number of parameters of their models; among equals, in their order."""
    counts = {model: parameters(model) for model in {job.recipe.model for job in jobs}}
    return sorted(jobs, key=lambda job: -counts[job.recipe.model])
