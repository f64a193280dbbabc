"""The checks that compare numbers: parity, fidelity, agreement and storage.

The checks origin and calibration are in `provenance`, convention is in `input_convention`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from calibration.samples import Array
from export.formats.session import RangeReport, StorageReport, StructureReport
from export.metrics import Comparison, OutputKind, StepComparison, by_shape, compare, compare_steps
from export.model.tensor_spec import TensorSpec
from export.proof.check import CheckResult
from export.proof.tolerances import (
    AGREEMENT,
    CONSTANT_OUTPUTS,
    FARTHER_DB,
    FIDELITY,
    LOST_CLASSES,
    PARITY,
    STEP_AGREEMENT,
    STORAGE,
    STORED_EXCESS,
    STORED_RANGE,
    ErrorTolerance,
    StepTolerance,
    Tolerance,
    by_fidelity,
    nearer_than_fidelity,
)
from export.scheme import FLOAT32, INT8, INT8_DYNAMIC, Scheme
from zoo.errors import CheckFailedError

Outputs = Mapping[str, Array]

# A reference whose outputs hardly vary proves nothing: a file with constant outputs would agree with it.
MIN_DISTINCT_FOR_COLLAPSE = 4


@dataclass(frozen=True, kw_only=True)
class OutputComparison:
    """How each output differs from its reference, and the results of the checks."""

    comparisons: Mapping[str, Comparison]
    checks: tuple[CheckResult, ...]


def compare_outputs(
    reference: Outputs,
    actual: Outputs,
    scheme: Scheme,
    *,
    has_thresholds: bool,
    tolerance: Tolerance | None = None,
    kinds: Mapping[str, OutputKind] | None = None,
    id: str | None = None,
) -> OutputComparison:
    """Compare a file's real outputs with the Keras model's.

    Args:
        reference: outputs (N, ...) of the Keras model, by name.
        actual: outputs (N, ...) of the file, by name.
        scheme: of the file; float32 is checked for parity, the others for fidelity.
        has_thresholds: False measures only, where thresholds do not apply (int8 of an untrained network).
        tolerance: replaces the tolerance of the scheme.
        kinds: of the outputs; by default they follow from the shapes.
        id: of the check; by default parity or fidelity.
    """
    default = PARITY if scheme == FLOAT32 else FIDELITY[scheme]
    id = id or ("parity" if scheme == FLOAT32 else "fidelity")
    tolerance = tolerance or default
    checks: list[CheckResult] = []
    comparisons = {}
    if set(reference) != set(actual):
        names = f"the file's outputs are {', '.join(actual)}, the model's {', '.join(reference)}"
        return OutputComparison(comparisons={}, checks=(CheckResult.stated(id, "the file", names, passed=False),))
    kinds = kinds or by_shape(reference)
    for name in reference:
        try:
            comparisons[name] = compare(reference=reference[name], actual=actual[name], kind=kinds[name])
        except CheckFailedError as error:
            checks.append(CheckResult.stated(id, name, str(error), passed=False))
            continue
        if has_thresholds:
            checks.extend(_results(id, name, comparisons[name], tolerance))
    return OutputComparison(comparisons=comparisons, checks=tuple(checks))


def magnifies(scheme: Scheme, raised: Mapping[str, object], *, trained: bool) -> bool:
    """Whether a difference of one step in the middle of a file grows to many steps at its outputs.

    It does in int8 files of mixed precision, whose float arithmetic differs between the formats, and with random
    weights, which do not suppress irrelevant differences as trained weights do. Steps of 16 bits are too small for it.
    """
    return (scheme == INT8 and bool(raised)) or (scheme in (INT8, INT8_DYNAMIC) and not trained)


def agreement(
    first: Outputs,
    second: Outputs,
    specs: Mapping[str, TensorSpec],
    scheme: Scheme,
    *,
    model: Outputs | None = None,
    margin_db: float | None = None,
    kinds: Mapping[str, OutputKind] | None = None,
    id: str = "agreement",
    tolerance: Tolerance | None = None,
    step_tolerance: StepTolerance = STEP_AGREEMENT,
    fidelity_db: Mapping[str, float] | None = None,
    has_near_ties: bool = False,
) -> tuple[CheckResult, ...]:
    """Compare the real outputs of two formats of one scheme.

    Only int8 is compared in steps, whose size is in `specs`: 16-bit steps are finer than the rounding of the layers.
    Where differences grow from layer to layer (`magnifies`), the tolerance follows from the fidelity of the first file
    to `model`, the outputs of the Keras model; with `margin_db`, the files must be nearer to each other by so much.
    `fidelity_db` is the first file's on more samples, by output: a handful without its largest error has a higher one.
    With random weights (`has_near_ties`), predictions may change as far as the margin explains.
    """
    if not set(first) == set(second) == set(specs):
        names = f"the outputs are {', '.join(first)} in one, {', '.join(second)} in the other"
        return (CheckResult.stated(id, "the files", names, passed=False),)
    checks: list[CheckResult] = []
    kinds = kinds or by_shape(first)
    for name, spec in specs.items():
        try:
            step = spec.scale
            if model is not None:
                compared = compare(reference=first[name], actual=second[name], kind=kinds[name])
                own = compare(reference=model[name], actual=first[name], kind=kinds[name])
                lowest_db = min(own.sqnr_db, (fidelity_db or {}).get(name, own.sqnr_db))
                near = _near(lowest_db, margin_db, own.top1_agreement if has_near_ties else None)
                checks.extend(_results(id, name, compared, near))
            elif step is None or scheme != INT8:
                compared = compare(reference=first[name], actual=second[name], kind=kinds[name])
                checks.extend(_results(id, name, compared, tolerance or AGREEMENT[scheme]))
            else:
                steps = compare_steps(reference=first[name], actual=second[name], step=step, kind=kinds[name])
                checks.extend(_step_results(id, name, steps, step_tolerance))
        except CheckFailedError as error:
            checks.append(CheckResult.stated(id, name, str(error), passed=False))
    return tuple(checks)


def _near(fidelity_db: float, margin_db: float | None, top1_agreement: float | None) -> Tolerance:
    """Return the tolerance for two formats, from the fidelity of one of them."""
    if margin_db is None:
        return by_fidelity(fidelity_db)
    return nearer_than_fidelity(fidelity_db, margin_db, top1_agreement)


def are_equally_near(first: Outputs, second: Outputs, model: Outputs) -> bool:
    """Return whether both files' outputs are equally near to the model's, within `FARTHER_DB`."""
    try:
        fidelities_db = [
            [compare(reference=model[name], actual=outputs[name]).sqnr_db for outputs in (first, second)]
            for name in model
        ]
    except (CheckFailedError, KeyError):  # the comparison of the files has said why
        return False
    return all(abs(one - other) <= FARTHER_DB for one, other in fidelities_db)


def storage(report: StorageReport) -> CheckResult:
    """Check that a file's constants are the rounded constants of the float file."""
    return CheckResult.at_most(
        STORAGE,
        min(report.worst_steps, 1e300),  # infinity does not fit into JSON
        id="storage",
        subject=report.where or f"{report.constants} constants",
        quantity="worst error",
        unit="steps",
    )


def ranges(report: RangeReport) -> tuple[CheckResult, CheckResult]:
    """Check that a file's quantization grids cover the planned ranges, and not much more."""
    return (
        CheckResult.at_most(
            STORED_RANGE,
            min(report.worst_share, 1e300),
            id="ranges",
            subject=report.where or "all activations",
            quantity="missing part of the planned range, share of it",
        ),
        CheckResult.at_most(
            STORED_EXCESS,
            min(report.worst_excess, 1e300),
            id="ranges",
            subject=report.excess_where or "all activations",
            quantity="excess over the planned range, share of it",
        ),
    )


def structure(report: StructureReport) -> CheckResult:
    """Check that a file's graph is that of the file it was derived from."""
    if report.differences:
        more = f" (and {len(report.differences) - 1} more)" if report.differences[1:] else ""
        return CheckResult.stated("structure", "the graph", report.differences[0] + more, passed=False)
    reason = f"{report.operators} operators, their options and what they read are those of the float file"
    return CheckResult.stated("structure", "the graph", reason, passed=True)


def _results(id: str, name: str, compared: Comparison, tolerance: Tolerance) -> Iterator[CheckResult]:
    def check(quantity: str, value: float, minimum: float, unit: str = "") -> CheckResult:
        return CheckResult.at_least(
            minimum, value, id=id, subject=name, quantity=quantity, unit=unit, reason=tolerance.reason
        )

    if compared.kind is OutputKind.LABELS and tolerance.min_label_agreement is not None:
        assert compared.top1_agreement is not None  # labels always have one
        yield check("share of equal labels", compared.top1_agreement, tolerance.min_label_agreement)
    else:
        yield check("SQNR", compared.sqnr_db, tolerance.min_sqnr_db, "dB")
        if tolerance.min_top1_agreement is not None and compared.top1_agreement is not None:
            yield check("share with the same top-1", compared.top1_agreement, tolerance.min_top1_agreement)
    if tolerance.min_decision_agreement is not None and compared.decision_agreement is not None:
        yield check("share of equal decisions", compared.decision_agreement, tolerance.min_decision_agreement)
    if tolerance.min_distinct_share is not None and compared.distinct_predictions is not None:
        expected, found = compared.distinct_predictions
        if expected >= MIN_DISTINCT_FOR_COLLAPSE:
            yield check("distinct predictions, share of the model's", found / expected, tolerance.min_distinct_share)
    min_r2 = tolerance.min_r2.get(compared.kind)
    if min_r2 is not None and compared.r2 is not None:
        yield check("variation over the samples, R2", compared.r2, min_r2)
    if tolerance.min_mean_cosine is not None and compared.mean_cosine is not None:
        yield check("mean cosine", compared.mean_cosine, tolerance.min_mean_cosine)
    if tolerance.min_nearest_agreement is not None and compared.nearest_agreement is not None:
        yield check("share with the same nearest sample", compared.nearest_agreement, tolerance.min_nearest_agreement)
    if tolerance.max_kl_nats is not None and compared.mean_kl_nats is not None:
        limit = ErrorTolerance(largest=tolerance.max_kl_nats, reason=tolerance.reason)
        yield CheckResult.at_most(
            limit, compared.mean_kl_nats, id=id, subject=name, quantity="mean divergence of the next token", unit="nats"
        )
    if tolerance.varies and compared.kind in (OutputKind.CLASSES, OutputKind.DECISIONS, OutputKind.LABELS):
        yield CheckResult.at_most(
            LOST_CLASSES, compared.lost_classes, id=id, subject=name, quantity="common classes that are never predicted"
        )
    if tolerance.varies:
        yield CheckResult.at_most(
            CONSTANT_OUTPUTS, compared.constant_outputs, id=id, subject=name, quantity="outputs that became constant"
        )


def _step_results(id: str, name: str, compared: StepComparison, tolerance: StepTolerance) -> Iterator[CheckResult]:
    def check(quantity: str, value: float, minimum: float) -> CheckResult:
        return CheckResult.at_least(minimum, value, id=id, subject=name, quantity=quantity, reason=tolerance.reason)

    yield check("share within 1 LSB", compared.within_one_step, tolerance.min_within_one_step)
    if compared.top1_agreement is not None:
        yield check("share with the same top-1", compared.top1_agreement, tolerance.min_top1_agreement)
