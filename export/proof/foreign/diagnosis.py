"""The faults of a file in sentences, from the checks that failed: which layer, and what it looks like."""

from __future__ import annotations

from export.formats.opened import Role
from export.proof.foreign import constant_faults, graph_words, input_trials, output_faults
from export.proof.foreign.checks import Findings, layer_of
from export.proof.foreign.evidence import ForeignEvidence
from export.proof.foreign.grids import RangeFound
from export.proof.foreign.stored import Difference
from export.proof.tolerances import FOREIGN_EXCESS

MOST = 6  # sentences of one kind
FEW_LAYERS = 2  # whose constants differ: a preprocessing inside of the file changes those of the first layer
OTHER_WEIGHTS = 0.5  # share of the layers that differ, from which on the file is another training's


def faults(evidence: ForeignEvidence, findings: Findings) -> tuple[str, ...]:
    """Return a sentence for each fault that was recognised, the most telling first."""
    failed = {check.id for check in findings.checks if not check.passed}
    if not failed:
        return ()
    wrong = [one for one in evidence.differences if one.is_wrong and not constant_faults.is_rounded_elsewhere(one)]
    if _are_others(evidence, wrong):
        return (_moved(wrong) if findings.passed("fidelity") else _other_weights(evidence, wrong),)
    lines: list[str] = []
    violations = evidence.file.opened.violations if evidence.file.opened is not None else ()
    if failed & {"parity", "fidelity"} and len({one.pair.layer for one in wrong}) <= FEW_LAYERS:
        lines += filter(None, [input_trials.convention(evidence)])
    if not findings.passed("structure"):
        lines += graph_words.sentences(evidence, findings)
        lines += _limited([_in_layer(findings, line) for line in violations])
    if failed & {"parity", "structure"} and evidence.file.opened is not None:
        lines += [_in_layer(findings, line) for line in evidence.file.opened.suspects]
    if "storage" in failed:
        lines += _limited([constant_faults.fault(one) for one in wrong])
    if "ranges" in failed:
        lines += _limited([_range(findings, one) for one in findings.ranges if one.is_wrong])
    if "arithmetic" in failed and not violations:
        lines += _arithmetic(findings)
    if failed & {"parity", "fidelity"}:
        lines += output_faults.sentences(evidence)
    if "storage" in failed and not lines:
        lines += [constant_faults.rounded_elsewhere([one for one in evidence.differences if one.is_wrong])]
    return tuple(dict.fromkeys(lines))


def _other_weights(evidence: ForeignEvidence, wrong: list[Difference]) -> str:
    return f"the file is of other weights: {len(wrong)} of {len(evidence.differences)} constants are not the model's"


def _moved(wrong: list[Difference]) -> str:
    """Return a sentence on weights that were changed on purpose: the outputs stay near to the model's."""
    return (
        f"{len(wrong)} constants are not the model's, rounded to nearest, although the outputs stay near: tools that "
        "equalize channels or optimize the rounding change them on purpose, and then they prove nothing"
    )


def _are_others(evidence: ForeignEvidence, wrong: list[Difference]) -> bool:
    """Return whether most weights differ by more than one known fault would make them differ."""
    weights = _weights(evidence)
    far = [one for one in wrong if one.pair.stored.role is not Role.OTHER and constant_faults.is_unknown(one)]
    return len(weights) > 1 and len({one.pair.layer for one in far}) >= OTHER_WEIGHTS * len(weights)


def _arithmetic(findings: Findings) -> list[str]:
    wrong = [one for one in findings.checks if one.id == "arithmetic" and not one.passed and one.value is not None]
    return [
        f"layer {layer_of(findings.layers, _tensor(one.subject))}: the integer operator {one.subject.split(' ')[0]} "
        "gives other numbers than its own inputs and constants predict"
        for one in wrong
    ]


def remarks(evidence: ForeignEvidence, findings: Findings) -> tuple[str, ...]:
    """Return sentences on how the file was compared."""
    file = evidence.file
    lines = [edge.in_words(kind) for kind, side in (("input", file.inputs), ("output", file.outputs)) for edge in side]
    places = [spec.name for spec in file.measured.outputs]
    order = [places.index(edge.file_name) for edge in file.outputs]
    if order != sorted(order):
        lines.append("the file's outputs are in another order than the model's")
    if findings.graph and "structure" not in {check.id for check in findings.checks if not check.passed}:
        lines.append(f"its graph is written differently from our own file: {findings.graph[0]}")
    if any(one.pair.stored.scale is not None and one.pair.stored.scale.size == 1 for one in _weights(evidence)):
        lines.append("weights have one scale for all channels of a layer: a scale per channel loses less")
    if evidence.original.trouble:
        lines.append(f"the model could not be converted for comparison: {evidence.original.trouble}")
    return tuple(filter(None, lines))


def _weights(evidence: ForeignEvidence) -> list[Difference]:
    return [one for one in evidence.differences if one.pair.stored.role is Role.WEIGHTS]


def _limited(lines: list[str]) -> list[str]:
    more = [f"and {len(lines) - MOST} more of this kind"] if len(lines) > MOST else []
    return lines[:MOST] + more


def _range(findings: Findings, one: RangeFound) -> str:
    layer = layer_of(findings.layers, one.grid.place)
    stored, seen = (f"{low:.3g} to {high:.3g}" for low, high in (one.stored, one.seen))
    if one.excess > FOREIGN_EXCESS.largest:
        return f"layer {layer}: the activation range {stored} is {one.excess:.1f} x as wide as its values, {seen}"
    return (
        f"layer {layer}: the activation range {stored} cuts off its values, {seen}: only {one.clipped_db:.0f} dB stay"
    )


def _in_layer(findings: Findings, line: str) -> str:
    """Return a violated rule with the name of the layer in place of the tensor's."""
    what, _, place = line.rpartition(", ")
    return f"layer {layer_of(findings.layers, place.partition(' ')[2])}: {what}"


def _tensor(subject: str) -> str:
    return subject.partition(" ")[2]
