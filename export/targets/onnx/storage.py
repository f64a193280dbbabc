"""Whether an .onnx holds the numbers that it was made of: its sibling's integers, or the float file's weights.

Outputs on samples cannot see one zeroed channel in every layer; this can, and it needs no samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.targets.onnx.constants import Constants, Numbers
from export.targets.onnx.layers import Layer, layers
from export.targets.onnx.stored_layers import StoredConstant, StoredLayer, stored_layers
from export.targets.session import StorageReport
from export.targets.tflite.storage import FLOAT32_ROUNDING

# A sibling's integers are moved, never rounded: what is further away than this is another layer.
SAME_STEPS = 0.5

Steps = Iterable[tuple[str, float]]  # Where, and how far from what it was made of.


def compare_with_sibling(sibling: bytes, content: bytes) -> StorageReport | None:
    """Return how far weights and biases lie from those of the .tflite `sibling`, in steps of its grids.

    None where the two do not have the same layers: then they cannot be told which is which.
    """
    found, expected = list(layers(_read(content))), list(stored_layers(sibling))
    if Counter(layer.weights.shape for layer in found) != Counter(layer.weights.real.shape for layer in expected):
        return None
    return _report(_matched(expected, found))


def _matched(expected: Sequence[StoredLayer], found: Sequence[Layer]) -> Iterator[tuple[str, float]]:
    """Yield the distances of the layers, each from the first that is equal, and of what is left from what is left.

    The order is the same but where tf2onnx adds the other way round, as in an unrolled LSTM.
    """
    left = dict(enumerate(found))
    pending = []
    for layer in expected:
        alike = [place for place, other in left.items() if other.weights.shape == layer.weights.real.shape]
        equal = next((place for place in alike if max(_distances(layer, left[place])) <= SAME_STEPS), None)
        if equal is None:
            pending.append(layer)
        else:
            yield from _named(layer, left.pop(equal))
    for layer in pending:
        place = next(place for place, other in left.items() if other.weights.shape == layer.weights.real.shape)
        yield from _named(layer, left.pop(place))


def _named(layer: StoredLayer, other: Layer) -> Iterator[tuple[str, float]]:
    yield from zip((f"weights of {layer.name}", f"bias of {layer.name}"), _distances(layer, other), strict=False)


def _distances(layer: StoredLayer, other: Layer) -> list[float]:
    """Return how far the weights and, if there is one, the bias lie from the stored ones."""
    weights = _largest(layer.weights, other.weights)
    if layer.bias is None:
        return [weights]
    bias = np.zeros_like(layer.bias.real) if other.bias is None else other.bias
    return [weights, _largest(layer.bias, bias)]


def compare_with_float(float_file: bytes, content: bytes) -> StorageReport:
    """Return how far every constant lies from that of the float .onnx, in units in its last place."""
    expected, found = _read(float_file), _read(content)
    if [node.op_type for node in expected.nodes] != [node.op_type for node in found.nodes]:
        return StorageReport(worst_steps=float("inf"), where="the order of the operators", constants=0)
    return _report(_float_steps(expected, found))


def _float_steps(expected: Constants, found: Constants) -> Iterator[tuple[str, float]]:
    for node, other in zip(expected.nodes, found.nodes, strict=True):
        for position, name in enumerate(node.input):
            one = expected.real(name)
            if one is None or not np.issubdtype(one.dtype, np.floating):
                continue
            two = found.real(other.input[position]) if position < len(other.input) else None
            where = f"input {position} of {node.name}"
            if two is None:
                yield where, float("inf")
            else:
                step = np.maximum(np.spacing(np.abs(two)).astype(np.float64), np.finfo(np.float64).tiny)
                yield where, _largest(StoredConstant(real=one.astype(np.float64), step=step), two)


def _largest(expected: StoredConstant, found: Numbers) -> float:
    if found.shape != expected.real.shape:
        return float("inf")
    if not found.size:
        return 0.0
    error: NDArray[np.float64] = np.abs(found - expected.real) - FLOAT32_ROUNDING * np.abs(expected.real)
    largest = float(np.max(error / expected.step))
    return float("inf") if np.isnan(largest) else max(largest, 0.0)  # a NaN is never within a step


def _report(steps: Steps) -> StorageReport:
    worst, where, constants = 0.0, "", 0
    for name, distance in steps:
        constants += 1
        if distance > worst:
            worst, where = distance, name
    return StorageReport(worst_steps=worst, where=where, constants=constants)


def _read(content: bytes) -> Constants:
    import onnx

    proto: Any = onnx.load_from_string(content)
    return Constants(proto.graph)
