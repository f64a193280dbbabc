"""From a budget to the file that keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from calibration.samples import Array
from export.analysis.budget.candidates import Candidates
from export.analysis.budget.front import is_slower
from export.analysis.budget.point import Point
from export.analysis.budget.result import BudgetResult
from export.analysis.budget.search import Search
from export.analysis.evaluation import Labelled
from export.metrics import enough_answers, few_answers
from export.quantization.build import Key, MadeFile
from export.quantization.export_run import ExportRun
from zoo.errors import UsageProblemError


def find_file(
    run: ExportRun, floats: Mapping[Key, MadeFile], expected: Mapping[str, Array], photos: Labelled | None
) -> BudgetResult:
    """Choose the file that keeps the budget of the recipe.

    Where there is none, the one that comes nearest: the checks of the budget fail then.

    Args:
        run: of the export.
        floats: its float32 files.
        expected: outputs of the Keras model for the probe, (N, ...) by name.
        photos: labelled data, if given.

    Raises:
        UsageProblemError: nothing that a budget could be judged by.
    """
    _refuse(run, expected)
    budget = run.recipe.budget
    if budget.max_drop is not None and photos is None:
        _refuse_few_answers(expected)
    candidates = Candidates(run, floats, expected, photos)
    search = Search(candidates, budget)
    chosen = search.chosen()
    points = tuple(point for point in candidates.points.values() if point.format == search.lead.name)
    schemes = search.schemes(chosen)
    is_integer = any(scheme.has_integer_weights for scheme in schemes)
    return BudgetResult(
        budget=budget,
        chosen=chosen,
        better=_better(search, chosen, points),
        points=points,
        ranking=tuple(search.ranking),
        recipe=replace(run.recipe, schemes=schemes, raised=dict(chosen.raised)),
        files=tuple(candidates.files_of(chosen)),
        base=candidates.base(chosen.raised, with_map=bool(chosen.raised)) if is_integer else None,
    )


def _refuse(run: ExportRun, expected: Mapping[str, Array]) -> None:
    if run.recipe.raised:
        raise UsageProblemError("--raise names the layers itself; leave it out, or the budget")
    if not run.subject.weights.trained:
        raise UsageProblemError(
            f"a budget is judged by answers, and untrained weights have none worth keeping "
            f"({run.subject.weights.reason}); give --weights"
        )
    if not run.samples.probe.real:
        raise UsageProblemError("a budget is judged by answers, and noise has none; give --calibration")
    classes = [name for name, values in expected.items() if values.ndim == 2 and values.shape[1] > 1]
    if run.recipe.budget.max_drop is not None and not classes:
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


def _better(search: Search, chosen: Point, others: Sequence[Point]) -> Point | None:
    """Return the smallest file that leaves a mixed one no reason to be, where int8 was asked for."""
    if not chosen.raised or search.budget.chooses_precision:
        return None
    found = [
        point
        for point in others
        if not point.raised
        and point.bytes <= chosen.bytes
        and not is_slower(point.p50_ms, chosen.p50_ms)
        and search.holds(point)
    ]
    return min(found, key=lambda point: point.bytes, default=None)
