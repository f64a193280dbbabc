"""The checks that compare numbers: parity, fidelity, agreement and storage.

Origin and calibration are asked in `provenance`, convention in `convention`; `verification` asks some again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from calibration.samples import Array
from export.formats.session import RangeReport, StorageReport
from export.metrics import Comparison, StepComparison, are_classes, compare, compare_steps
from export.model.tensor_spec import TensorSpec
from export.proof.check import Check
from export.proof.tolerances import (
    AGREEMENT,
    FIDELITY,
    PARITY,
    STEP_AGREEMENT,
    STORAGE,
    STORED_RANGE,
    StepTolerance,
    Tolerance,
    by_fidelity,
)
from export.recipe import Precision
from zoo.errors import CheckFailedError

Outputs = Mapping[str, Array]

# A reference whose outputs hardly vary proves nothing: any file agrees with a constant.
MIN_DISTINCT_FOR_COLLAPSE = 4


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What was measured of a file, and the checks that follow from it."""

    comparisons: Mapping[str, Comparison]
    checks: tuple[Check, ...]

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)


def prove(
    reference: Outputs,
    actual: Outputs,
    precision: Precision,
    *,
    judge: bool,
    bar: Tolerance | None = None,
) -> Proof:
    """Compare a file's real outputs with the Keras model's.

    Args:
        reference: (N, ...) by output name.
        actual: likewise.
        precision: float32 asks for parity, the others for fidelity.
        judge: False measures without bars, where bars mean nothing (int8 of an untrained network).
        bar: in place of the precision's own.
    """
    question, tolerance = ("parity", PARITY) if precision is Precision.FLOAT32 else ("fidelity", FIDELITY[precision])
    tolerance = bar or tolerance
    checks: list[Check] = []
    comparisons = {}
    if set(reference) != set(actual):
        names = f"the file's outputs are {', '.join(actual)}, the model's {', '.join(reference)}"
        return Proof(comparisons={}, checks=(Check.stated(question, "the file", names, passed=False),))
    for name in reference:
        try:
            comparisons[name] = compare(reference=reference[name], actual=actual[name], classes=are_classes(reference))
        except CheckFailedError as error:
            checks.append(Check.stated(question, name, str(error), passed=False))
            continue
        if judge:
            checks.extend(_judged(question, name, comparisons[name], tolerance))
    return Proof(comparisons=comparisons, checks=tuple(checks))


def magnifies(precision: Precision, raised: Mapping[str, object], *, trained: bool) -> bool:
    """Whether one step in the middle of a file becomes many at its end.

    In several precisions it meets float arithmetic, which is not the same in both formats; and random weights pass on
    all that they get, where trained ones have learned to pass on what matters.
    """
    return bool(raised) or (precision is Precision.INT8 and not trained)


def agreement(
    first: Outputs,
    second: Outputs,
    specs: Mapping[str, TensorSpec],
    precision: Precision,
    *,
    model: Outputs | None = None,
    question: str = "agreement",
    bar: Tolerance | None = None,
    step_bar: StepTolerance = STEP_AGREEMENT,
) -> tuple[Check, ...]:
    """Compare the real outputs of two formats of one precision; `specs` tell the first one's steps.

    Only int8 is judged in steps: 16-bit steps are finer than the rounding inside. Where one step that is tipped over
    grows from layer to layer (`magnifies`), `model`, what the Keras model says, tells how far apart two files may be.
    """
    if not set(first) == set(second) == set(specs):
        names = f"the outputs are {', '.join(first)} in one, {', '.join(second)} in the other"
        return (Check.stated(question, "the files", names, passed=False),)
    checks: list[Check] = []
    classes = are_classes(first)
    for name, spec in specs.items():
        try:
            step = spec.scale
            if model is not None:
                compared = compare(reference=first[name], actual=second[name], classes=classes)
                own = compare(reference=model[name], actual=first[name])
                checks.extend(_judged(question, name, compared, by_fidelity(own.sqnr_db)))
            elif step is None or precision is not Precision.INT8:
                compared = compare(reference=first[name], actual=second[name], classes=classes)
                checks.extend(_judged(question, name, compared, bar or AGREEMENT[precision]))
            else:
                steps = compare_steps(reference=first[name], actual=second[name], step=step, classes=classes)
                checks.extend(_judged_steps(question, name, steps, step_bar))
        except CheckFailedError as error:
            checks.append(Check.stated(question, name, str(error), passed=False))
    return tuple(checks)


def storage(report: StorageReport) -> Check:
    """Judge whether a file's constants are the float ones, rounded."""
    return Check.at_most(
        STORAGE,
        min(report.worst_steps, 1e300),  # infinity does not fit into JSON
        question="storage",
        output=report.where or "all constants",
        quantity="worst error in steps",
    )


def ranges(report: RangeReport) -> Check:
    """Judge whether a file's grids reach as far as was planned."""
    return Check.at_most(
        STORED_RANGE,
        min(report.worst_share, 1e300),
        question="ranges",
        output=report.where or "all activations",
        quantity="cut off the planned range, share of it",
    )


def _judged(question: str, name: str, compared: Comparison, bar: Tolerance) -> Iterator[Check]:
    def check(quantity: str, value: float, minimum: float) -> Check:
        return Check.at_least(minimum, value, question=question, output=name, quantity=quantity, reason=bar.reason)

    yield check("sqnr_db", compared.sqnr_db, bar.min_sqnr_db)
    if bar.min_top1_agreement is not None and compared.top1_agreement is not None:
        yield check("top1_agreement", compared.top1_agreement, bar.min_top1_agreement)
    if bar.min_distinct_share is not None and compared.distinct_answers is not None:
        expected, found = compared.distinct_answers
        if expected >= MIN_DISTINCT_FOR_COLLAPSE:
            yield check("distinct answers, share of the model's", found / expected, bar.min_distinct_share)


def _judged_steps(question: str, name: str, compared: StepComparison, bar: StepTolerance) -> Iterator[Check]:
    def check(quantity: str, value: float, minimum: float) -> Check:
        return Check.at_least(minimum, value, question=question, output=name, quantity=quantity, reason=bar.reason)

    yield check("share within 1 LSB", compared.within_one_step, bar.min_within_one_step)
    if compared.top1_agreement is not None:
        yield check("top1_agreement", compared.top1_agreement, bar.min_top1_agreement)
