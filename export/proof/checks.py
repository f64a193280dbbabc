"""The registry of checks: each asks one question about one file, and has a row in docs/proof.md and a planted fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from export.formats import FORMATS, PRIMARY
from export.proof import clipping as clipped
from export.proof import compare, input_convention, integer_model, provenance
from export.proof.check import CheckResult
from export.proof.evidence import Evidence
from export.quantization.build import plan
from export.scheme import FLOAT32, INT8

Results = Iterable[CheckResult]


@dataclass(frozen=True)
class Check:
    """One question about a file.

    Attributes:
        id: one word; a row of docs/proof.md begins with it.
        ask: returns the results for one file, none where the check does not apply to it.
    """

    id: str
    ask: Callable[[Evidence], Results]


def parity(evidence: Evidence) -> Results:
    """Does the float32 file give the Keras model's outputs, up to float32 rounding?"""
    return evidence.compared.checks if evidence.scheme == FLOAT32 else ()


def fidelity(evidence: Evidence) -> Results:
    """Does the quantized file give outputs close to the Keras model's?"""
    return evidence.compared.checks if evidence.scheme != FLOAT32 else ()


def storage(evidence: Evidence) -> Results:
    """Are the file's constants those of the file that it was quantized from, rounded?"""
    if evidence.parent is None:
        return ()
    siblings = {name: sibling.artifact.content for name, sibling in evidence.siblings.items()}
    report = FORMATS[evidence.file.format].storage(evidence.parent, evidence.file.content, siblings)
    return (compare.storage(report),) if report is not None else ()


def convention(evidence: Evidence) -> Results:
    """Does an integer input mean by a byte what the model's preprocessing means by it?"""
    camera, beside = evidence.run.camera_range, evidence.run.subject.made_up_inputs
    spec, *others = (spec for spec in evidence.measured.inputs if spec.name not in beside)
    if evidence.scheme != INT8 or camera is None or spec.zero_point is None or others:
        return ()
    return (input_convention.check(spec, camera),)


def agreement(evidence: Evidence) -> Results:
    """Does the file give the outputs of the primary format's file of the same precision?"""
    primary = evidence.primary
    if primary is None or primary.measured is None:
        return ()
    run, specs = evidence.run, {spec.name: spec for spec in primary.measured.outputs}
    loose = compare.magnifies(evidence.scheme, run.recipe.raised, trained=run.subject.weights.trained)
    return compare.agreement(
        primary.measured.real,
        evidence.measured.real,
        specs,
        evidence.scheme,
        model=evidence.expected if loose else None,
    )


def origin(evidence: Evidence) -> Results:
    """Did the files that it was derived from pass their own checks?"""
    parents = (*evidence.siblings.values(),) or (evidence.float_file,)
    return provenance.origin(parent.artifact for parent in parents if parent is not None)


def calibration(evidence: Evidence) -> Results:
    """Were the ranges observed on inputs like those of the proof?"""
    if not evidence.scheme.needs_calibration or not evidence.is_judged:
        return ()
    return provenance.calibration(evidence.run.samples.calibration, evidence.run.samples.probe)


def ranges(evidence: Evidence) -> Results:
    """Do the file's grids cover the ranges that were planned?"""
    if not _has_own_ranges(evidence) or evidence.parent is None:
        return ()
    planned = plan(evidence.run, evidence.base, evidence.scheme, evidence.run.recipe.raised)
    return (compare.ranges(PRIMARY.ranges(evidence.parent, evidence.file.content, planned)),)


def equalization(evidence: Evidence) -> Results:
    """Does the model with scaled channels give the original's outputs?"""
    return integer_model.equalization(evidence.expected, evidence.base_outputs) if evidence.base_outputs else ()


def reconstruction(evidence: Evidence) -> Results:
    """Does the model with rounded weights give the original's outputs, and its float file the model's?"""
    return integer_model.reconstruction(evidence.expected, evidence.base_outputs) if evidence.base_outputs else ()


def drift(evidence: Evidence) -> Results:
    """Did rounding leave the weights of every channel near where they were?"""
    if evidence.base is None or evidence.base_outputs is None:
        return ()
    return (integer_model.drift(evidence.base.reconstruction),)


def clipping(evidence: Evidence) -> Results:
    """Do the outputs stay where activations are clipped to the planned ranges?"""
    base, run = evidence.base, evidence.run
    if not _has_own_ranges(evidence) or not evidence.is_judged or base is None or base.observation is None:
        return ()
    planned = plan(run, base, evidence.scheme, run.recipe.raised).ranges
    seen, samples = base.observation, run.samples
    if planned is None:
        return ()
    return clipped.check(base.model, samples.calibration, samples.probe, seen.ranges, planned, seen.fingerprints)


def _has_own_ranges(evidence: Evidence) -> bool:
    """Whether the file was quantized to ranges, and not derived from a file that was."""
    return evidence.file.format == PRIMARY.name and evidence.scheme.needs_calibration


# In the order in which they are asked and reported.
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
