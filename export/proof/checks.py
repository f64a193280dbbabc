"""The registry of checks of one file; each has a row in docs/proof.md and a planted fault that it catches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from export.formats import FORMATS, PRIMARY
from export.model import entries
from export.proof import arithmetic as arithmetic_check
from export.proof import clipping as clipped
from export.proof import compare, enlarged, input_convention, integer_model, provenance, streaming
from export.proof.check import CheckResult, NotMade
from export.proof.evidence import Evidence
from export.proof.integer_model import BaseOutputs
from export.proof.tolerances import INTEGER_MARGIN_DB, ISLAND_MARGIN_DB, WIDE_MARGIN_DB
from export.quantization.build import plan
from export.quantization.tensor_map import clippable
from export.runtime.run_file import written
from export.scheme import FLOAT32, INT8, W8A16

Results = tuple[CheckResult, ...]

ALONE = "another quantizer made it from the float file, with ranges of its own"


@dataclass(frozen=True)
class Check:
    """One check of a file.

    Attributes:
        id: one word, which begins the check's row in docs/proof.md.
        run: returns the results for one file, at least one, or why the check was not made.
    """

    id: str
    run: Callable[[Evidence], Results | NotMade]


def parity(evidence: Evidence) -> Results | NotMade:
    """Check that the float32 file's outputs equal the Keras model's, up to float32 rounding."""
    if evidence.scheme != FLOAT32:
        return NotMade("only float32 files equal the Keras model up to rounding")
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
        return _not_judged(evidence)
    return evidence.compared.checks


def stream(evidence: Evidence) -> Results | NotMade:
    """Check that the file of one step, run over whole sequences, gives what the original model gives."""
    run = evidence.run
    if run.stream is None:
        return NotMade("the file reads its whole input at once")
    if evidence.scheme != FLOAT32 and not evidence.is_judged:
        return _not_judged(evidence)
    kinds = entries.output_kinds(run.subject)
    return streaming.check(evidence.file.on_disk(run.work), run.stream, evidence.scheme, kinds)


def structure(evidence: Evidence) -> Results | NotMade:
    """Check that the file's operators, options and wiring are those of the file that it was quantized from."""
    if evidence.scheme == FLOAT32:
        return NotMade("a float32 file was not quantized")
    if evidence.file.alone:
        return NotMade(ALONE)
    if evidence.file.format != PRIMARY.name:
        return NotMade(f"its operators are other ones than the .{PRIMARY.name}'s; its outputs are compared instead")
    if evidence.parent is None:
        return _failed("structure", "the graph", "the file that it was quantized from is missing")
    return (compare.structure(PRIMARY.structure(evidence.parent, evidence.file.content)),)


def arithmetic(evidence: Evidence) -> Results | NotMade:
    """Check that every integer operator computes what the float operator does, on the file's own numbers."""
    if reason := _without_own_ranges(evidence):
        return NotMade(reason)
    if evidence.parent is None:
        return _failed("arithmetic", "the operators", "the file that it was quantized from is missing")
    run, file = evidence.run, evidence.file
    if PRIMARY.structure(evidence.parent, file.content).differences:
        return _failed("arithmetic", "the operators", "its graph differs from that of the float file")
    float_path = written(run.work, f"parent{PRIMARY.suffix}", evidence.parent)
    camera_bytes = run.takes_camera_bytes(file.scheme)
    found = arithmetic_check.check(
        file.on_disk(run.work), float_path, run.samples.probe_folder, camera_bytes=camera_bytes
    )
    return (found,)


def storage(evidence: Evidence) -> Results | NotMade:
    """Check that the file's constants are those of the file that it was quantized from, rounded."""
    if evidence.scheme == FLOAT32:
        return NotMade("a float32 file was not quantized")
    if evidence.parent is None:
        return _failed("storage", "all constants", "the file that it was quantized from is missing")
    siblings = {name: sibling.artifact.content for name, sibling in evidence.siblings.items()}
    report = FORMATS[evidence.file.format].storage(evidence.parent, evidence.file.content, siblings)
    if report is None:
        names = " and ".join(sibling.artifact.file_name for sibling in evidence.siblings.values())
        return NotMade(f"its layers cannot be matched to those of {names or 'the float file'}", is_missing=True)
    if report.constants == 0 and report.worst_steps == 0 and evidence.run.subject.model.count_params():
        return _failed("storage", "all constants", "no constant could be compared, although the model has weights")
    return (compare.storage(report),)


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
        return _failed("convention", f"input {photo}", "the file should take the bytes of a photo, but does not")
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
            return _failed("order", side, f"the file's are {', '.join(file)}; the model's are {', '.join(model)}")
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
    specs = {spec.name: spec for spec in primary.measured.outputs}
    both, kinds = (primary.measured.real, evidence.measured.real), entries.output_kinds(run.subject)
    if compare.magnifies(evidence.scheme, run.raised(evidence.scheme), trained=run.subject.weights.trained):
        return compare.agreement(*both, specs, evidence.scheme, model=evidence.expected, kinds=kinds)
    results = compare.agreement(*both, specs, evidence.scheme, kinds=kinds)
    if evidence.scheme not in (INT8, W8A16) or all(result.passed for result in results):
        return results
    if evidence.scheme == W8A16:
        lenient = compare.are_equally_near(*both, evidence.expected)
        margin_db = WIDE_MARGIN_DB if lenient else INTEGER_MARGIN_DB
    else:
        lenient = any(op.arithmetic == "float" for one in (primary.measured, evidence.measured) for op in one.census)
        margin_db = ISLAND_MARGIN_DB if lenient else INTEGER_MARGIN_DB
    near = compare.agreement(*both, specs, evidence.scheme, model=evidence.expected, margin_db=margin_db, kinds=kinds)
    return near if all(result.passed for result in near) else results


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
        return _not_judged(evidence)
    few = f"there are fewer than {provenance.FEWEST_SAMPLES} samples"
    return provenance.calibration(samples.calibration, samples.probe) or NotMade(few, is_missing=True)


def ranges(evidence: Evidence) -> Results | NotMade:
    """Check that the file's quantization grids cover the planned ranges."""
    if reason := _without_own_ranges(evidence):
        return NotMade(reason)
    if evidence.parent is None:
        return _failed("ranges", "all activations", "the file that it was quantized from is missing")
    planned = plan(evidence.run, evidence.base, evidence.scheme, evidence.run.recipe.raised)
    report = PRIMARY.ranges(evidence.parent, evidence.file.content, planned)
    if report.activations == 0 and any(op.arithmetic in ("integer", "int16") for op in evidence.measured.census):
        reason = "no activation could be compared, although operators compute with integers"
        return _failed("ranges", "all activations", reason)
    return compare.ranges(report)


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
    return integer_model.reconstruction(evidence.expected, outputs) if isinstance(outputs, BaseOutputs) else outputs


def drift(evidence: Evidence) -> Results | NotMade:
    """Check that rounding left the weights of every channel near their original values."""
    outputs = _base_outputs(evidence, "drift")
    if not isinstance(outputs, BaseOutputs):
        return outputs
    assert evidence.base is not None  # It gave the outputs.
    return (integer_model.drift(evidence.base.reconstruction),)


def clipping(evidence: Evidence) -> Results | NotMade:
    """Check that clipping activations to the planned ranges keeps the outputs."""
    base, run = evidence.base, evidence.run
    if reason := _without_own_ranges(evidence):
        return NotMade(reason)
    if not evidence.is_judged:
        return _not_judged(evidence)
    planned = plan(run, base, evidence.scheme, run.recipe.raised).ranges
    if base is None or base.observation is None or planned is None:
        return _failed("clipping", "all activations", "the observed or planned ranges are missing")
    seen, samples = base.observation, run.samples
    found = clipped.check(base.model, samples.probe, seen.ranges, planned, clippable(base.tensor_map))
    return found or NotMade("no planned range is narrower than the observed one")


def _failed(id: str, subject: str, reason: str) -> Results:
    return (CheckResult.stated(id, subject, reason, passed=False),)


def _not_judged(evidence: Evidence) -> NotMade:
    """Return why thresholds do not apply to the file."""
    trained = evidence.run.subject.weights.trained
    return NotMade(f"the {'samples are noise' if trained else 'weights are untrained'}, so no threshold applies")


def _without_own_ranges(evidence: Evidence) -> str:
    """Return why the file itself was not quantized to activation ranges; empty if it was."""
    if not evidence.scheme.needs_calibration:
        return "files of this precision store no ranges of activations"
    if evidence.file.alone:
        return ALONE
    return "" if evidence.file.format == PRIMARY.name else f"it takes its ranges from the .{PRIMARY.name}"


def _base_outputs(evidence: Evidence, id: str) -> BaseOutputs | Results | NotMade:
    """Return the outputs of the model that the file was quantized from, if that is not the original."""
    if evidence.file.format != PRIMARY.name or not evidence.scheme.has_integer_weights:
        return NotMade(f"only an integer .{PRIMARY.name} is quantized from the reconstructed model")
    if evidence.base is not None and evidence.base.reconstruction.model is None:
        return NotMade("the file was quantized from the original model")
    return evidence.base_outputs or _failed(id, "the model", "the outputs of the reconstructed model are missing")


# In the order in which they run and are reported.
CHECKS: tuple[Check, ...] = (
    Check("parity", parity),
    Check("fidelity", fidelity),
    Check("stream", stream),
    Check("structure", structure),
    Check("arithmetic", arithmetic),
    Check("storage", storage),
    Check("convention", convention),
    Check("order", order),
    Check("agreement", agreement),
    Check("origin", origin),
    Check("calibration", calibration),
    Check("ranges", ranges),
    Check("equalization", equalization),
    Check("reconstruction", reconstruction),
    Check("drift", drift),
    Check("clipping", clipping),
)


def make_all(evidence: Evidence) -> tuple[Results, Mapping[str, NotMade]]:
    """Return the results of all checks of a file, and by their id why the others were not made.

    A check without any result fails: it must say why it was not made.
    """
    made = {check.id: check.run(evidence) for check in CHECKS}
    results = [
        one or _failed(id, "the file", "the check gave no result")
        for id, one in made.items()
        if not isinstance(one, NotMade)
    ]
    return sum(results, ()), {id: one for id, one in made.items() if isinstance(one, NotMade)}
