"""The checks of an integer file's graph, operators, constants and grids against the file that it was made from."""

from __future__ import annotations

from pathlib import Path

from export.errors import ConversionError
from export.formats import FORMATS, PRIMARY
from export.proof import arithmetic as arithmetic_check
from export.proof import clipping as clipped
from export.proof import compare
from export.proof.check import NotMade, Results, failed
from export.proof.evidence import Evidence, not_judged
from export.quantization.build import plan
from export.quantization.tensor_map import clippable
from export.scheme import FLOAT32, INT8

ALONE = "another quantizer made it from the float file, with ranges of its own"


def structure(evidence: Evidence) -> Results | NotMade:
    """Check that the file's operators, options and wiring are those of the file that it was quantized from."""
    if evidence.scheme == FLOAT32:
        return NotMade("a float32 file was not quantized")
    if evidence.file.alone:
        return NotMade(ALONE)
    if evidence.file.format != PRIMARY.name:
        return NotMade(f"its operators are other ones than the .{PRIMARY.name}'s; its outputs are compared instead")
    if evidence.parent is None:
        return failed("structure", "the graph", "the file that it was quantized from is missing")
    return (compare.structure(PRIMARY.structure(evidence.parent.read(), evidence.file.content.read())),)


def arithmetic(evidence: Evidence) -> Results | NotMade:
    """Check that every integer operator computes what its source predicts, on the file's own numbers."""
    run, file = evidence.run, evidence.file
    if file.format != PRIMARY.name:
        return _like_the_primary(evidence)
    if reason := without_own_ranges(evidence):
        return NotMade(reason)
    if evidence.parent is None:
        return failed("arithmetic", "the operators", "the file that it was quantized from is missing")
    if PRIMARY.structure(evidence.parent.read(), file.content.read()).differences:
        return failed("arithmetic", "the operators", "its graph differs from that of the float file")
    source = evidence.parent.on_disk(run.work, f"parent{PRIMARY.suffix}")
    return _predicted(evidence, source)


def _like_the_primary(evidence: Evidence) -> Results | NotMade:
    """Check that every operator stores what that of the primary format's file stores for the same numbers."""
    if evidence.scheme != INT8:
        return NotMade("its operators compute with floats")
    if evidence.file.alone:
        return NotMade(ALONE)
    sibling = evidence.siblings.get(PRIMARY.name)
    if sibling is None or not sibling.artifact.content:
        return NotMade(f"the .{PRIMARY.name} that it was derived from is missing", is_missing=True)
    source = sibling.artifact.content.on_disk(evidence.run.work, f"sibling{PRIMARY.suffix}")
    return _predicted(evidence, source)


def _predicted(evidence: Evidence, source: Path) -> Results:
    run, file = evidence.run, evidence.file
    return arithmetic_check.check(
        file.on_disk(run.work),
        source,
        run.samples.probe_folder,
        calibration=run.samples.calibration_folder,
        camera_bytes=run.takes_camera_bytes(file.scheme),
        is_sibling=file.format != PRIMARY.name,
    )


def storage(evidence: Evidence) -> Results | NotMade:
    """Check that the file's constants are those of the file that it was quantized from, rounded."""
    if evidence.scheme == FLOAT32:
        return NotMade("a float32 file was not quantized")
    if evidence.parent is None:
        return failed("storage", "all constants", "the file that it was quantized from is missing")
    siblings = {name: sibling.artifact.content.read() for name, sibling in evidence.siblings.items()}
    try:
        float_file = b"" if siblings else evidence.parent.read()  # Siblings take its place.
        report = FORMATS[evidence.file.format].storage(float_file, evidence.file.content.read(), siblings)
    except ConversionError as error:
        return failed("storage", "all constants", str(error))
    if report is None and evidence.scheme.is_dynamic:
        return failed("storage", "all constants", "its layers are not those of the file that it was derived from")
    if report is None:
        names = " and ".join(sibling.artifact.file_name for sibling in evidence.siblings.values())
        return NotMade(f"its layers cannot be matched to those of {names or 'the float file'}", is_missing=True)
    if report.constants == 0 and report.worst_steps == 0 and evidence.run.subject.model.count_params():
        return failed("storage", "all constants", "no constant could be compared, although the model has weights")
    return (compare.storage(report),)


def ranges(evidence: Evidence) -> Results | NotMade:
    """Check that the file's quantization grids cover the planned ranges."""
    if reason := without_own_ranges(evidence):
        return NotMade(reason)
    if evidence.parent is None:
        return failed("ranges", "all activations", "the file that it was quantized from is missing")
    planned = plan(evidence.run, evidence.base, evidence.scheme, evidence.run.recipe.raised)
    report = PRIMARY.ranges(evidence.parent.read(), evidence.file.content.read(), planned)
    if report.activations == 0 and any(op.arithmetic in ("integer", "int16") for op in evidence.measured.census):
        reason = "no activation could be compared, although operators compute with integers"
        return failed("ranges", "all activations", reason)
    return compare.ranges(report)


def clipping(evidence: Evidence) -> Results | NotMade:
    """Check that clipping activations to the planned ranges keeps the outputs."""
    base, run = evidence.base, evidence.run
    if reason := without_own_ranges(evidence):
        return NotMade(reason)
    if not evidence.is_judged:
        return not_judged(evidence)
    planned = plan(run, base, evidence.scheme, run.recipe.raised).ranges
    if base is None or base.observation is None or planned is None:
        return failed("clipping", "all activations", "the observed or planned ranges are missing")
    seen, samples = base.observation, run.samples
    found = clipped.check(base.model, samples.probe, seen.ranges, planned, clippable(base.tensor_map))
    return found or NotMade("no planned range is narrower than the observed one")


def without_own_ranges(evidence: Evidence) -> str:
    """Return why the file itself was not quantized to activation ranges; empty if it was."""
    if not evidence.scheme.needs_calibration:
        return "files of this precision store no ranges of activations"
    if evidence.file.alone:
        return ALONE
    return "" if evidence.file.format == PRIMARY.name else f"it takes its ranges from the .{PRIMARY.name}"
