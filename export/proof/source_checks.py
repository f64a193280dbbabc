"""The checks of what a file was made from: its source files, the samples and the reconstructed model."""

from __future__ import annotations

from export.formats import PRIMARY
from export.model import entries
from export.proof import integer_model, provenance
from export.proof.check import CheckResult, NotMade, Results, failed
from export.proof.evidence import Evidence, not_judged
from export.proof.integer_model import BaseOutputs
from export.proof.tolerances import RECONSTRUCTION, RECONSTRUCTION_4_BITS
from export.scheme import INT4


def origin(evidence: Evidence) -> Results | NotMade:
    """Check that the files that it was derived from passed their checks."""
    parents = (*evidence.siblings.values(),) or (evidence.float_file,)
    artifacts = [parent.artifact for parent in parents if parent is not None]
    if not artifacts:
        return NotMade("a float32 file was not derived from another file")
    failed = provenance.origin(artifacts)
    unproven = [artifact.file_name for artifact in artifacts if not artifact.checks]
    if unproven and not failed:
        return NotMade(f"{' and '.join(unproven)} could not be run, and so was not checked", is_missing=True)
    reason = "the files that it was derived from passed their checks"
    return failed or (CheckResult.stated("origin", "the file", reason, passed=True),)


def calibration(evidence: Evidence) -> Results | NotMade:
    """Check that the ranges were observed on inputs like those of the proof."""
    samples = evidence.run.samples
    if not evidence.scheme.needs_calibration:
        return NotMade("files of this precision store no ranges of activations")
    if not evidence.is_judged:
        return not_judged(evidence)
    few = f"there are fewer than {provenance.FEWEST_SAMPLES} samples"
    return provenance.calibration(samples.calibration, samples.probe) or NotMade(few, is_missing=True)


def equalization(evidence: Evidence) -> Results | NotMade:
    """Check that the model with equalized channels gives the original's outputs."""
    outputs = _base_outputs(evidence, "equalization")
    if not isinstance(outputs, BaseOutputs):
        return outputs
    exact = NotMade("no channel was scaled, or scaling is exact in this network")
    return integer_model.equalization(evidence.expected, outputs) or exact


def reconstruction(evidence: Evidence) -> Results | NotMade:
    """Check that the reconstructed model gives the original's outputs, and that its float file gives the same."""
    outputs = _base_outputs(evidence, "reconstruction")
    if not isinstance(outputs, BaseOutputs):
        return outputs
    tolerance = RECONSTRUCTION_4_BITS if evidence.scheme == INT4 else RECONSTRUCTION
    return integer_model.reconstruction(
        evidence.expected, outputs, tolerance, entries.output_kinds(evidence.run.subject)
    )


def drift(evidence: Evidence) -> Results | NotMade:
    """Check that rounding left the weights of every channel near their original values."""
    outputs = _base_outputs(evidence, "drift")
    if not isinstance(outputs, BaseOutputs):
        return outputs
    assert evidence.base is not None  # It gave the outputs.
    return (integer_model.drift(evidence.base.reconstruction),)


def _base_outputs(evidence: Evidence, id: str) -> BaseOutputs | Results | NotMade:
    """Return the outputs of the model that the file was quantized from, if that is not the original."""
    if evidence.file.format != PRIMARY.name or not evidence.scheme.has_integer_weights:
        return NotMade(f"only an integer .{PRIMARY.name} is quantized from the reconstructed model")
    if evidence.base is not None and evidence.base.reconstruction.model is None:
        return NotMade("the file was quantized from the original model")
    return evidence.base_outputs or failed(id, "the model", "the outputs of the reconstructed model are missing")
