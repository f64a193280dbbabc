"""The order of the jobs of a sweep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from export.cli.usual_time import parameters
from export.sweep.job import Job


def in_order(jobs: Sequence[Job]) -> list[Job]:
    """Return the first job of every model, the largest model first, then the second of every model, and so on.

    Jobs of a model that follow each other use what the first has computed (`export.cache`), such as the conversion;
    jobs that run at the same time would all compute it. Large models first: none of them runs alone at the end.
    """
    counts = {model: parameters(model) for model in {job.recipe.model for job in jobs}}
    seen: Counter[str] = Counter()
    turns = []
    for job in jobs:
        turns.append(seen[job.recipe.model])
        seen[job.recipe.model] += 1
    places = sorted(range(len(jobs)), key=lambda place: (turns[place], -counts[jobs[place].recipe.model]))
    return [jobs[place] for place in places]
