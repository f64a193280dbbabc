"""Run a budget search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from calibration.samples import Array
from export.analysis.budget.best_file import best_file
from export.analysis.budget.candidates import Candidate, SearchInputs, made
from export.analysis.budget.fewest_layers import fewest_layers
from export.analysis.budget.front import is_slower
from export.analysis.budget.point import Point
from export.analysis.budget.ranking import ranked
from export.analysis.budget.result import BudgetResult
from export.analysis.budget.search import Found, Search
from export.analysis.evaluation import Labelled
from export.metrics import enough_predictions, few_predictions
from export.quantization.build import MadeFile
from export.quantization.export_run import ExportRun
from export.quantization.memo import Memo
from export.quantization.requested import Key
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
    once = Memo()
    search = Search(SearchInputs(run=run, floats=floats, expected=expected, photos=photos), budget, once)
    found = best_file(search) if budget.chooses_precision else fewest_layers(search)
    chosen, points = found.chosen, delivered_points(search, found)
    schemes = (chosen.scheme,) if budget.chooses_precision else run.recipe.schemes
    integers = dict.fromkeys(scheme.weight_bits for scheme in schemes if scheme.has_integer_weights)
    return BudgetResult(
        budget=budget,
        chosen=chosen,
        better=_better(search, chosen, points),
        points=points,
        ranking=next(iter(once.results(ranked).values()), ()),
        recipe=replace(run.recipe, schemes=schemes, raised=dict(chosen.raised)),
        files=files_of(chosen, once),
        bases={weight_bits: search.base(weight_bits, chosen.raised) for weight_bits in integers},
    )


def delivered_points(search: Search, found: Found) -> tuple[Point, ...]:
    """Return the measured files of the first format that can be delivered, with their last latency."""
    last = {Candidate.of(point): point for point in found.retimed}
    excluded = set(map(Candidate.of, found.excluded))
    measured = ((Candidate.of(point), point) for point in search.measured())
    return tuple(last.get(candidate, point) for candidate, point in measured if candidate not in excluded)


def files_of(chosen: Point, once: Memo) -> tuple[MadeFile, ...]:
    """Return the built files with the precision and the raised layers of a point, in all formats."""
    wanted = Candidate.of(chosen)
    built = once.results(made).items()
    return tuple(file for (_, _, candidate), file in built if candidate.is_alike(wanted) and not file.trouble)


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
        if count < enough_predictions(values.shape[1]):
            raise UsageProblemError(
                f"--max-drop counts changed predictions, but {few_predictions(count)}; give labelled data with "
                "--evaluate, or more varied photos with --calibration FOLDER"
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
