"""The registry of checks of one file; each has a row in docs/proof.md and a planted fault that it catches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from export.formats import FORMATS, PRIMARY
from export.proof import clipping as clipped
from export.proof import compare, input_convention, integer_model, provenance
from export.proof.check import CheckResult
from export.proof.evidence import Evidence
from export.quantization.build import plan
from export.quantization.tensor_map import clippable
from export.scheme import FLOAT32, INT8

Results = Iterable[CheckResult]


@dataclass(frozen=True)
class Check:
    """One check of a file.

    Attributes:
        id: one word, which begins the check's row in docs/proof.md.
        run: returns the results for one file; none if the check does not apply to it.
    """

    id: str
    run: Callable[[Evidence], Results]


def parity(evidence: Evidence) -> Results:
    """Check that the float32 file's outputs equal the Keras model's, up to float32 rounding."""
    return evidence.compared.checks if evidence.scheme == FLOAT32 else ()


def fidelity(evidence: Evidence) -> Results:
    """Check that the quantized file's outputs are close to the Keras model's."""
    return evidence.compared.checks if evidence.scheme != FLOAT32 else ()


def storage(evidence: Evidence) -> Results:
    """Check that the file's constants are those of the file that it was quantized from, rounded."""
    if evidence.parent is None:
        return ()
    siblings = {name: sibling.artifact.content for name, sibling in evidence.siblings.items()}
    report = FORMATS[evidence.file.format].storage(evidence.parent, evidence.file.content, siblings)
    if report is None:
        return ()
    if report.constants == 0 and report.worst_steps == 0 and evidence.run.subject.model.count_params():
        reason = "no constant could be compared, although the model has weights"
        return (CheckResult.stated("storage", "all constants", reason, passed=False),)
    return (compare.storage(report),)


def convention(evidence: Evidence) -> Results:
    """Check that an integer input maps a photo's bytes to the numbers that the model's preprocessing gives."""
    camera, photo = evidence.run.camera_range, evidence.run.photo_input
    if evidence.scheme != INT8 or camera is None:
        return ()
    specs = [spec for spec in evidence.measured.inputs if spec.name == photo and spec.zero_point is not None]
    return tuple(input_convention.check(spec, camera) for spec in specs)


def agreement(evidence: Evidence) -> Results:
    """Check that the file's outputs agree with those of the primary format's file of the same scheme."""
    primary = evidence.primary
    if primary is None or primary.measured is None:
        return ()
    run, specs = evidence.run, {spec.name: spec for spec in primary.measured.outputs}
    loose = compare.magnifies(evidence.scheme, run.raised(evidence.scheme), trained=run.subject.weights.trained)
    return compare.agreement(
        primary.measured.real,
        evidence.measured.real,
        specs,
        evidence.scheme,
        model=evidence.expected if loose else None,
    )


def origin(evidence: Evidence) -> Results:
    """Check that the files that it was derived from passed their checks."""
    parents = (*evidence.siblings.values(),) or (evidence.float_file,)
    return provenance.origin(parent.artifact for parent in parents if parent is not None)


def calibration(evidence: Evidence) -> Results:
    """Check that the ranges were observed on inputs like those of the proof."""
    if not evidence.scheme.needs_calibration or not evidence.is_judged:
        return ()
    return provenance.calibration(evidence.run.samples.calibration, evidence.run.samples.probe)


def ranges(evidence: Evidence) -> Results:
    """Check that the file's quantization grids cover the planned ranges."""
    if not _has_own_ranges(evidence) or evidence.parent is None:
        return ()
    planned = plan(evidence.run, evidence.base, evidence.scheme, evidence.run.recipe.raised)
    report = PRIMARY.ranges(evidence.parent, evidence.file.content, planned)
    if report.activations == 0 and any(op.arithmetic in ("integer", "int16") for op in evidence.measured.census):
        reason = "no activation could be compared, although operators compute with integers"
        return (CheckResult.stated("ranges", "all activations", reason, passed=False),)
    return (compare.ranges(report),)


def equalization(evidence: Evidence) -> Results:
    """Check that the model with equalized channels gives the original's outputs."""
    return integer_model.equalization(evidence.expected, evidence.base_outputs) if evidence.base_outputs else ()


def reconstruction(evidence: Evidence) -> Results:
    """Check that the reconstructed model gives the original's outputs, and that its float file gives the same."""
    return integer_model.reconstruction(evidence.expected, evidence.base_outputs) if evidence.base_outputs else ()


def drift(evidence: Evidence) -> Results:
    """Check that rounding left the weights of every channel near their original values."""
    if evidence.base is None or evidence.base_outputs is None:
        return ()
    return (integer_model.drift(evidence.base.reconstruction),)


def clipping(evidence: Evidence) -> Results:
    """Check that clipping activations to the planned ranges keeps the outputs."""
    base, run = evidence.base, evidence.run
    if not _has_own_ranges(evidence) or not evidence.is_judged or base is None or base.observation is None:
        return ()
    planned = plan(run, base, evidence.scheme, run.recipe.raised).ranges
    seen, samples = base.observation, run.samples
    if planned is None:
        return ()
    return clipped.check(base.model, samples.probe, seen.ranges, planned, clippable(base.tensor_map))


def _has_own_ranges(evidence: Evidence) -> bool:
    """Whether the file itself was quantized to activation ranges."""
    return evidence.file.format == PRIMARY.name and evidence.scheme.needs_calibration


# In the order in which they run and are reported.
CHECKS: tuple[Check, ...] = (
    Check("parity", parity),
    Check("fidelity", fidelity),
    Check("storage", storage),
    Check("convention", convention),
    Check("agreement", agreement),
    Check("origin", origin),
    Check("calibration", calibration),
    Check("ranges", ranges),
    Check("equalization", equalization),
    Check("reconstruction", reconstruction),
    Check("drift", drift),
    Check("clipping", clipping),
)
