"""From a budget to a file: the export goes on with what was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from calibration.samples import Array
from export.analysis.budget.candidates import Trials
from export.analysis.budget.front import is_slower
from export.analysis.budget.point import Point
from export.analysis.budget.result import Settled
from export.analysis.budget.search import Choosing
from export.analysis.evaluation import Labelled
from export.metrics import enough_answers, few_answers
from export.quantization.build import Making
from zoo.errors import UsageProblemError


def settle(making: Making, expected: Mapping[str, Array], photos: Labelled | None) -> Settled:
    """Choose the file that keeps the budget of `making`'s recipe, and let `making` go on with it.

    Where there is none, with the one that comes nearest: the checks of the budget fail then.

    Raises:
        UsageProblemError: nothing that a budget could be judged by.
    """
    _refuse(making, expected)
    if making.recipe.budget.max_drop is not None and photos is None:
        _refuse_few_answers(expected)
    choosing = Choosing(Trials(making, expected, photos), making.recipe.budget)
    chosen = choosing.chosen()
    making.recipe = replace(making.recipe, precisions=choosing.precisions(chosen))
    choosing.trials.settle(chosen)
    points = tuple(point for point in choosing.trials.points.values() if point.format == choosing.lead.name)
    return Settled(
        budget=making.recipe.budget,
        chosen=chosen,
        better=_better(choosing, chosen, points),
        points=points,
        ranking=tuple(choosing.ranking),
    )


def _refuse(making: Making, expected: Mapping[str, Array]) -> None:
    if making.recipe.raised:
        raise UsageProblemError("--raise names the layers itself; leave it out, or the budget")
    if not making.subject.weights.trained:
        raise UsageProblemError(
            f"a budget is judged by answers, and untrained weights have none worth keeping "
            f"({making.subject.weights.reason}); give --weights"
        )
    if not making.samples.probe.real:
        raise UsageProblemError("a budget is judged by answers, and noise has none; give --calibration")
    classes = [name for name, values in expected.items() if values.ndim == 2 and values.shape[1] > 1]
    if making.recipe.budget.max_drop is not None and not classes:
        raise UsageProblemError(
            "--max-drop is about the best class, and this model's outputs are no classes; --max-size, --max-latency "
            "and --preset judge by SQNR"
        )


def _refuse_few_answers(expected: Mapping[str, Array]) -> None:
    """Refuse to count changed answers where there is hardly more than one."""
    heads = [values for values in expected.values() if values.ndim == 2 and values.shape[1] > 1]
    for values in heads:
        count = len(np.unique(values.argmax(axis=1)))
        if count < enough_answers(values.shape[1]):
            raise UsageProblemError(
                f"--max-drop counts changed answers, and {few_answers(count)}; give labelled data with --evaluate, or "
                "more kinds of photos with --calibration FOLDER"
            )


def _better(choosing: Choosing, chosen: Point, others: Sequence[Point]) -> Point | None:
    """Return the smallest file that leaves a mixed one no reason to be, where int8 was asked for."""
    if not chosen.raised or choosing.budget.chooses_precision:
        return None
    found = [
        point
        for point in others
        if not point.raised
        and point.bytes <= chosen.bytes
        and not is_slower(point.p50_ms, chosen.p50_ms)
        and choosing.holds(point)
    ]
    return min(found, key=lambda point: point.bytes, default=None)
