"""Run a budget search."""

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
    """Choose the file that meets the budget of the recipe.

    If there is none, choose the nearest one; its budget checks then fail.

    Args:
        run: the export.
        floats: the float32 files.
        expected: outputs of the Keras model for the probe (N, ...), by name.
        photos: labelled data, if given.

    Raises:
        UsageProblemError: the weights, the inputs or the outputs do not allow to measure the budget.
    """
    _check_measurable(run, expected)
    budget = run.recipe.budget
    if budget.max_drop is not None and photos is None:
        _check_distinct_predictions(expected)
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


def _check_measurable(run: ExportRun, expected: Mapping[str, Array]) -> None:
    if run.recipe.raised:
        raise UsageProblemError("a budget chooses the layers itself; leave out --raise, or leave out the budget")
    if not run.subject.weights.trained:
        raise UsageProblemError(
            f"a budget needs meaningful predictions, but the weights are untrained "
            f"({run.subject.weights.reason}); give --weights"
        )
    if not run.samples.probe.real:
        raise UsageProblemError("a budget needs meaningful predictions, but the inputs are noise; give --calibration")
    classes = [name for name, values in expected.items() if values.ndim == 2 and values.shape[1] > 1]
    if run.recipe.budget.max_drop is not None and not classes:
        raise UsageProblemError(
            "--max-drop limits changes of the best class, but this model's outputs are not classes; type --max-size, "
            "--max-latency or --preset, which compare by SQNR"
        )


def _check_distinct_predictions(expected: Mapping[str, Array]) -> None:
    """Raise if the model predicts too few distinct classes to count changed predictions."""
    heads = [values for values in expected.values() if values.ndim == 2 and values.shape[1] > 1]
    for values in heads:
        count = len(np.unique(values.argmax(axis=1)))
        if count < enough_answers(values.shape[1]):
            raise UsageProblemError(
                f"--max-drop counts changed predictions, but {few_answers(count)}; give labelled data with --evaluate, "
                "or more varied photos with --calibration FOLDER"
            )


def _better(search: Search, chosen: Point, others: Sequence[Point]) -> Point | None:
    """Return the smallest file without raised layers that is no worse than `chosen`; None unless int8 is requested."""
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
