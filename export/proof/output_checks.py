"""The checks of a file's inputs and outputs."""

from __future__ import annotations

from export.formats import PRIMARY
from export.model import entries
from export.proof import compare, enlarged, format_agreement, input_convention, streaming
from export.proof.check import CheckResult, NotMade, Results, failed
from export.proof.evidence import Evidence, not_judged
from export.scheme import FLOAT32, INT8


def parity(evidence: Evidence) -> Results | NotMade:
    """Check that the float32 file's outputs equal the Keras model's, up to float32 rounding."""
    if evidence.scheme != FLOAT32:
        return NotMade("only float32 files equal the Keras model up to rounding")
    if evidence.magnified:
        return NotMade(evidence.magnified)
    if evidence.enlarged is None:
        return evidence.compared.checks
    return (
        *evidence.compared.checks,
        enlarged.check(evidence.run, evidence.file, evidence.expected, evidence.enlarged),
    )


def fidelity(evidence: Evidence) -> Results | NotMade:
    """Check that the quantized file's outputs are close to the Keras model's."""
    if evidence.scheme == FLOAT32:
        return NotMade("a float32 file is checked for parity")
    if not evidence.is_judged and not evidence.compared.checks:
        return not_judged(evidence)
    return evidence.compared.checks


def stream(evidence: Evidence) -> Results | NotMade:
    """Check that the file of one step, run over whole sequences, has the outputs of the original model."""
    run = evidence.run
    if run.stream is None:
        return NotMade("the file reads its whole input at once")
    if evidence.scheme != FLOAT32 and not evidence.is_judged:
        return not_judged(evidence)
    kinds = entries.output_kinds(run.subject)
    return streaming.check(evidence.file.on_disk(run.work), run.stream, evidence.scheme, kinds)


def convention(evidence: Evidence) -> Results | NotMade:
    """Check that an integer input maps a photo's bytes to the numbers that the model's preprocessing gives."""
    run = evidence.run
    camera, photo = run.camera_range, run.photo_input
    if evidence.scheme != INT8:
        return NotMade("only int8 files take the bytes of a photo")
    if photo is None or evidence.file.alone:
        return NotMade("the model takes no photo" if photo is None else "the file takes float inputs")
    if camera is None:
        return NotMade("no scale and offset of an input give the numbers of the preprocessing")
    specs = [spec for spec in evidence.measured.inputs if spec.name == photo and spec.zero_point is not None]
    if not specs and run.takes_camera_bytes(evidence.scheme):
        return failed("convention", f"input {photo}", "the file should take the bytes of a photo, but does not")
    return tuple(input_convention.check(spec, camera) for spec in specs) or NotMade("the file takes float inputs")


def order(evidence: Evidence) -> Results | NotMade:
    """Check that inputs and outputs have the model's order, so that swapping one file for another swaps no tensors."""
    subject = evidence.run.subject
    if subject.entries:
        return NotMade("the entry points of a file are called by name")
    expected = [spec.name for spec in entries.inputs(subject)], list(evidence.expected)
    found = [[spec.name for spec in specs] for specs in (evidence.measured.inputs, evidence.measured.outputs)]
    for side, model, file in zip(("inputs", "outputs"), expected, found, strict=True):
        if model != file:
            return failed("order", side, f"the file's are {', '.join(file)}; the model's are {', '.join(model)}")
    reason = "inputs and outputs are in the model's order"
    return (CheckResult.stated("order", "inputs and outputs", reason, passed=True),)


def agreement(evidence: Evidence) -> Results | NotMade:
    """Check that the file's outputs agree with those of the primary format's file of the same scheme."""
    primary, run = evidence.primary, evidence.run
    if evidence.file.format == PRIMARY.name:
        return NotMade(f"the files of other formats are compared with the .{PRIMARY.name}")
    if primary is None:
        return NotMade(f"the export makes no {evidence.scheme} .{PRIMARY.name}")
    if primary.measured is None:
        return NotMade(f"{primary.artifact.file_name} could not be built or run", is_missing=True)
    if evidence.magnified:
        return NotMade(evidence.magnified)
    return format_agreement.check(
        primary.measured,
        evidence.measured,
        evidence.scheme,
        magnifies=compare.magnifies(evidence.scheme, run.raised(evidence.scheme), trained=run.subject.weights.trained),
        expected=evidence.expected,
        kinds=entries.output_kinds(run.subject),
        has_near_ties=not run.subject.weights.trained,
    )
