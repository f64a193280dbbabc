"""The faults of a file in sentences, from the checks that failed: which layer, and what it looks like."""

from __future__ import annotations

from export.formats.opened import Role
from export.proof.foreign import constant_faults, input_trials, output_faults
from export.proof.foreign.checks import Findings, layer_of
from export.proof.foreign.evidence import ForeignEvidence
from export.proof.foreign.grids import RangeFound
from export.proof.foreign.stored import Difference
from export.proof.tolerances import FOREIGN_EXCESS

MOST = 6  # sentences of one kind
OTHER_WEIGHTS = 0.5  # share of the weights that differ, from which on the file is another training's


def faults(evidence: ForeignEvidence, findings: Findings) -> tuple[str, ...]:
    """Return a sentence for each fault that was recognised, the most telling first."""
    failed = {check.id for check in findings.checks if not check.passed}
    if not failed:
        return ()
    lines: list[str] = []
    if failed & {"structure", "parity", "fidelity"}:
        lines += [_named(evidence, line) for line in findings.graph[:MOST]]
    violations = evidence.file.opened.violations if evidence.file.opened is not None else ()
    if "structure" in failed:
        lines += _limited([_in_layer(findings, line) for line in violations])
    if "storage" in failed:
        lines += _constants(evidence)
    if "ranges" in failed:
        lines += _limited([_range(findings, one) for one in findings.ranges if one.is_wrong])
    if "arithmetic" in failed and not violations:
        lines += _arithmetic(findings)
    if failed & {"parity", "fidelity"}:
        lines += output_faults.sentences(evidence)
    if failed & {"parity", "fidelity"} and not lines:
        lines += list(filter(None, [input_trials.convention(evidence)]))
    if "storage" in failed and not lines:
        lines += [constant_faults.rounded_elsewhere([one for one in evidence.differences if one.is_wrong])]
    return tuple(dict.fromkeys(lines))


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
    if findings.graph and "structure" not in {check.id for check in findings.checks if not check.passed}:
        lines.append(f"its graph is written differently from our own file: {findings.graph[0]}")
    if any(one.pair.stored.scale is not None and one.pair.stored.scale.size == 1 for one in _weights(evidence)):
        lines.append("weights have one scale for all channels of a layer: a scale per channel loses less")
    if evidence.original.trouble:
        lines.append(f"the model could not be converted for comparison: {evidence.original.trouble}")
    return tuple(filter(None, lines))


def _weights(evidence: ForeignEvidence) -> list[Difference]:
    return [one for one in evidence.differences if one.pair.stored.role is Role.WEIGHTS]


def _constants(evidence: ForeignEvidence) -> list[str]:
    wrong = [one for one in evidence.differences if one.is_wrong and not constant_faults.is_rounded_elsewhere(one)]
    weights = _weights(evidence)
    far = [one for one in wrong if one.pair.stored.role is Role.WEIGHTS]
    sentences = [constant_faults.fault(one) for one in wrong]
    others = [line for line in sentences if line.endswith("of their size")]
    if len(weights) > 1 and len(far) >= OTHER_WEIGHTS * len(weights) and len(others) >= len(far) / 2:
        return [f"the file is of other weights: {len(far)} of {len(weights)} layers differ from the model's"]
    return _limited(sentences)


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


def _named(evidence: ForeignEvidence, line: str) -> str:
    """Return a difference between graphs with the name of the layer in place of the tensor's."""
    what, _, place = line.rpartition(", ")
    op, _, tensor = place.partition(" ")
    layer = next((name for key, name in evidence.original.layers.items() if key.split(";")[0] == tensor), tensor)
    return f"layer {layer} ({op}): {_option(what)}" if what else line


_ACTIVATIONS = {"0": "no activation", "1": "relu", "2": "relu to -1..1", "3": "relu6", "4": "tanh"}


def _option(what: str) -> str:
    """Return a difference of an option, with the names of activations in place of their numbers."""
    prefix = "the option fusedActivationFunction is "
    if not what.startswith(prefix):
        return what
    found, _, expected = what.removeprefix(prefix).partition(" in place of ")
    return f"{_ACTIVATIONS.get(found, found)} in place of {_ACTIVATIONS.get(expected, expected)}"


def _in_layer(findings: Findings, line: str) -> str:
    """Return a violated rule with the name of the layer in place of the tensor's."""
    what, _, place = line.rpartition(", ")
    return f"layer {layer_of(findings.layers, place.partition(' ')[2])}: {what}"


def _tensor(subject: str) -> str:
    return subject.partition(" ")[2]
