"""What is wrong with outputs, in words: swapped, constant, scaled, or with a softmax more or less."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from calibration.samples import Array
from export.metrics import compare
from export.proof.foreign.evidence import ForeignEvidence
from export.scheme import FLOAT32
from zoo.errors import CheckFailedError

# How much nearer to the model's a changed output must be than the output itself, to explain it.
NEARER_DB = 10.0
LEAST_DB = 15.0


def sentences(evidence: ForeignEvidence) -> list[str]:
    """Return what would make the outputs equal to the model's; empty if nothing known does."""
    expected, found = evidence.expected, evidence.file.real
    swapped = _swapped(expected, found)
    if swapped:
        return swapped
    return [line for name in expected if (line := _sentence(name, expected[name], found[name], evidence))]


def sqnr(expected: Array, found: Array) -> float:
    """Return the SQNR in dB; minus infinity if the outputs cannot be compared."""
    try:
        return compare(reference=expected, actual=found).sqnr_db
    except CheckFailedError:
        return float("-inf")


def _swapped(expected: Mapping[str, Array], found: Mapping[str, Array]) -> list[str]:
    """Return which outputs of one shape hold each other's values."""
    lines, seen = [], set()
    for name in expected:
        own = sqnr(expected[name], found[name])
        for other in expected:
            if other == name or other in seen or expected[other].shape != expected[name].shape:
                continue
            crossed = min(sqnr(expected[name], found[other]), sqnr(expected[other], found[name]))
            if crossed > max(own + NEARER_DB, LEAST_DB):
                seen.add(name)
                lines.append(f"the outputs {name} and {other} are swapped")
    return lines


def _sentence(name: str, expected: Array, found: Array, evidence: ForeignEvidence) -> str:
    if not np.isfinite(found).all():
        return f"output {name} holds NaN or infinity"
    if len(found) > 1 and np.ptp(found, axis=0).max(initial=0) == 0 < np.ptp(expected, axis=0).max(initial=0):
        return f"output {name} is the same for every input"
    own = sqnr(expected, found)
    least = max(own + NEARER_DB, 60.0 if evidence.scheme == FLOAT32 else LEAST_DB)
    for words, change in _CHANGES.items():
        if sqnr(change(expected), found) >= least:
            return f"output {name}: {words}"
    power = float((expected.astype(np.float64) ** 2).sum())
    factor = float((expected.astype(np.float64) * found).sum()) / power if power else 1.0
    if abs(factor - 1) > 0.01 and factor and sqnr(factor * expected.astype(np.float64), found) >= least:
        return f"output {name} is {factor:.3g} x the model's"
    return ""


def _softmax(values: Array) -> Array:
    shifted = np.exp(values.astype(np.float64) - values.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def _centred_log(values: Array) -> Array:
    logs = np.log(np.maximum(values.astype(np.float64), 1e-30))
    return np.asarray(logs - logs.mean(axis=-1, keepdims=True))


# What the file would have to compute in place of the model's output.
_CHANGES: Mapping[str, Callable[[Array], Array]] = {
    "a softmax was added at the end: the file gives probabilities, the model logits": _softmax,
    "a sigmoid was added at the end": lambda values: np.asarray(1 / (1 + np.exp(-values.astype(np.float64)))),
    "a relu was added at the end": lambda values: np.maximum(values, 0),
    "the class scores are in reverse order": lambda values: values[..., ::-1],
}
