"""The rule by which the files of two formats of one scheme must agree; export and verification share it."""

from __future__ import annotations

from collections.abc import Mapping

from export.metrics import OutputKind
from export.proof import compare
from export.proof.check import CheckResult
from export.proof.tolerances import (
    DYNAMIC_MARGINS_DB,
    EQUALLY_NEAR_MARGINS_DB,
    INTEGER_MARGIN_DB,
    ISLAND_MARGIN_DB,
    STEP_AGREEMENT,
    StepTolerance,
)
from export.runtime.run_file import Measurement
from export.scheme import INT8, W8A16, Scheme


def check(
    primary: Measurement,
    other: Measurement,
    scheme: Scheme,
    *,
    magnifies: bool,
    expected: compare.Outputs,
    kinds: Mapping[str, OutputKind] | None = None,
    step_tolerance: StepTolerance = STEP_AGREEMENT,
    fidelity_db: Mapping[str, float] | None = None,
    has_near_ties: bool = False,
) -> tuple[CheckResult, ...]:
    """Compare the outputs of two files of one scheme: within a step, or nearer to each other than to the model.

    Args:
        primary: the run of the primary format's file.
        other: the run of the other file on the same samples.
        scheme: of both.
        magnifies: whether differences grow from layer to layer (`compare.magnifies`).
        expected: outputs (N, ...) of the Keras model, by name.
        kinds: of the outputs; by default they follow from the shapes.
        step_tolerance: how many outputs of an int8 file may lie more than a step apart.
        fidelity_db: SQNR of the primary file on more samples, by output.
        has_near_ties: whether many predictions are near ties, because the weights are random.
    """
    specs = {spec.name: spec for spec in primary.outputs}
    both = primary.real, other.real

    def agreement(margin_db: float | None = None, model: compare.Outputs | None = None) -> tuple[CheckResult, ...]:
        return compare.agreement(
            *both,
            specs,
            scheme,
            model=model,
            margin_db=margin_db,
            kinds=kinds,
            step_tolerance=step_tolerance,
            fidelity_db=fidelity_db,
            has_near_ties=has_near_ties,
        )

    if magnifies:
        return agreement(model=expected)
    results = agreement()
    if not (scheme.needs_calibration or scheme.is_dynamic) or all(result.passed for result in results):
        return results
    near = agreement(_margin_db(primary, other, scheme, expected), expected)
    return near if all(result.passed for result in near) else results


def _margin_db(primary: Measurement, other: Measurement, scheme: Scheme, expected: compare.Outputs) -> float:
    """Return by how much two files must be nearer to each other than to the model."""
    if scheme in EQUALLY_NEAR_MARGINS_DB and compare.are_equally_near(primary.real, other.real, expected):
        return EQUALLY_NEAR_MARGINS_DB[scheme]
    if scheme.is_dynamic:
        return DYNAMIC_MARGINS_DB[scheme]
    if scheme == W8A16:
        return INTEGER_MARGIN_DB
    assert scheme == INT8  # the schemes with ranges are INT8 and W8A16
    has_float = any(op.arithmetic == "float" for one in (primary, other) for op in one.census)
    return ISLAND_MARGIN_DB if has_float else INTEGER_MARGIN_DB
