"""How the graph of a file differs from that of our own file, in words, with the layers' names."""

from __future__ import annotations

from collections import Counter

from export.formats import PRIMARY
from export.proof.foreign.checks import Findings
from export.proof.foreign.evidence import ForeignEvidence
from export.proof.foreign.first_layer import first_layer
from export.proof.foreign.graph_check import ANOTHER_OPERATOR
from export.runtime.run_file import written

MOST = 6  # sentences

# Operators that only change the type of a tensor.
_SEAMS = frozenset({"QUANTIZE", "DEQUANTIZE"})
_ACTIVATIONS = {"0": "no activation", "1": "relu", "2": "relu to -1..1", "3": "relu6", "4": "tanh"}


def sentences(evidence: ForeignEvidence, findings: Findings) -> list[str]:
    """Return the differences that may be faults; another order of the same operators is none."""
    if findings.graph and not findings.graph[0].startswith(ANOTHER_OPERATOR):
        return [_named(evidence, line) for line in findings.graph[:MOST]]
    counted = _counts(evidence) if findings.graph else []
    if findings.skeleton.computes_the_model or findings.skeleton.trouble:
        return counted
    layer = first_layer(evidence, findings.skeleton)
    where = "the first one with other outputs, even with the model's constants: the fault is in it or just before it"
    return [*counted, f"layer {layer}: {where}"] if layer else counted


def _counts(evidence: ForeignEvidence) -> list[str]:
    """Return the operators that the file has more or fewer of than our own."""
    path = written(evidence.run.work, f"model{PRIMARY.suffix}", evidence.original.content)
    ours = Counter({op.op: op.count for op in PRIMARY.census(path)})
    theirs: Counter[str] = Counter()
    for op in evidence.file.measured.census:
        theirs[op.op] += op.count
    changed = {name: theirs[name] - ours[name] for name in {*ours, *theirs} - _SEAMS if theirs[name] != ours[name]}
    more = [f"{count} {name} more" for name, count in sorted(changed.items()) if count > 0]
    fewer = [f"{-count} {name} fewer" for name, count in sorted(changed.items()) if count < 0]
    return [f"the graph has {' and '.join([*more, *fewer])} than our own file of the model"] if changed else []


def _named(evidence: ForeignEvidence, line: str) -> str:
    """Return a difference between graphs with the name of the layer in place of the tensor's."""
    what, _, place = line.rpartition(", ")
    op, _, tensor = place.partition(" ")
    layer = next((name for key, name in evidence.original.layers.items() if key.split(";")[0] == tensor), tensor)
    return f"layer {layer} ({op}): {_option(what)}" if what else line


def _option(what: str) -> str:
    """Return a difference of an option, with the names of activations in place of their numbers."""
    prefix = "the option fusedActivationFunction is "
    if not what.startswith(prefix):
        return what
    found, _, expected = what.removeprefix(prefix).partition(" in place of ")
    return f"{_ACTIVATIONS.get(found, found)} in place of {_ACTIVATIONS.get(expected, expected)}"
