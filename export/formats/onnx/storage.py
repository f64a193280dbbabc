"""Compare the constants of an .onnx with their source: the sibling's integers or the float file's weights.

Unlike outputs on samples, this comparison detects a single zeroed channel, and it needs no samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from export.formats.distance import largest_steps, symmetric_steps
from export.formats.onnx import four_bits
from export.formats.onnx.constants import Constants
from export.formats.onnx.dynamic_layers import integer_products
from export.formats.onnx.float_vectors import vector_steps
from export.formats.onnx.layers import Layer, layers
from export.formats.onnx.stored_layers import Float64s, StoredLayer, float_constants, stored_layers
from export.formats.onnx.stored_tables import row_scale_names, table_steps
from export.formats.session import StorageReport

# A sibling's integers are copied without rounding, so a larger distance means another layer.
SAME_STEPS = 0.5

Steps = Iterable[tuple[str, float]]  # Name and distance from the source.


def compare_with_sibling(sibling: bytes, content: bytes) -> StorageReport | None:
    """Return the distance of weights, biases and tables from those of the .tflite `sibling`, in steps of its grids.

    None if the two files do not have the same layers, so that layers cannot be matched.
    """
    constants = _read(content)
    found, expected = list(layers(constants)), list(stored_layers(sibling))
    if Counter(layer.shape for layer in found) != Counter(layer.shape for layer in expected):
        return None
    of_layers = _matched(expected, found, list(float_constants(sibling)))
    return _report(chain(of_layers, table_steps(sibling, constants), _vectors(sibling, constants)))


def _vectors(sibling: bytes, constants: Constants) -> Steps:
    """Return the distances of the float constants of a file whose layers round their inputs; nothing for others."""
    products = list(integer_products(constants))
    block_scales = {product.node.input[2] for product in four_bits.products(constants)}
    if not products and not block_scales:
        return ()
    known = {name for product in products for name in product.names} | row_scale_names(constants) | block_scales
    return vector_steps(sibling, constants, known)


def _matched(
    expected: Sequence[StoredLayer], found: Sequence[Layer], terms: Sequence[Float64s]
) -> Iterator[tuple[str, float]]:
    """Yield the distances of the layers: first match equal layers, then the remaining ones in order.

    The order is the same unless tf2onnx swaps the terms of a sum, as in an unrolled LSTM.
    """
    left = dict(enumerate(found))
    pending = []
    for layer in expected:
        alike = [place for place, other in left.items() if other.shape == layer.shape]
        if layer.bias is None:  # Leave those with a bias to the layers that have one.
            alike.sort(key=lambda place: left[place].bias is not None)
        likely = (place for place in alike if _bias_distance(layer, left[place], terms) <= SAME_STEPS)
        distances = ((place, _distances(layer, left[place], terms)) for place in likely)
        equal, found_distances = next((one for one in distances if max(one[1]) <= SAME_STEPS), (None, []))
        if equal is None:
            pending.append(layer)
        else:
            del left[equal]
            yield from _named(layer, found_distances)
    for layer in pending:
        place = next(place for place, other in left.items() if other.shape == layer.shape)
        yield from _named(layer, _distances(layer, left.pop(place), terms))


def _named(layer: StoredLayer, distances: Sequence[float]) -> Iterator[tuple[str, float]]:
    yield from zip((f"weights of {layer.name}", f"bias of {layer.name}"), distances, strict=False)


def _distances(layer: StoredLayer, other: Layer, terms: Sequence[Float64s]) -> list[float]:
    """Return the distances of the weights and of the bias, if one of the layers has one."""
    expected = layer.read()
    weights = largest_steps(other.read(), expected.real, expected.step)
    return [weights] if layer.bias is None and other.bias is None else [weights, _bias_distance(layer, other, terms)]


def _bias_distance(layer: StoredLayer, other: Layer, terms: Sequence[Float64s]) -> float:
    """Return the distance of the bias, which identifies layers without reading their weights; no bias is zeros.

    tf2onnx makes the term of a sum the bias of the layer before it, so such a bias may be any of the file's `terms`.
    """
    if layer.bias is None:
        bias = np.zeros(0) if other.bias is None else np.asarray(other.bias, np.float64).reshape(-1)
        is_term = any(term.shape == bias.shape and np.allclose(term, bias, rtol=1e-6, atol=0) for term in terms)
        return 0.0 if not bias.any() or is_term else float("inf")
    bias = np.zeros_like(layer.bias.real) if other.bias is None else other.bias
    return largest_steps(bias, layer.bias.real, layer.bias.step)


def compare_with_float(float_file: bytes, content: bytes) -> StorageReport:
    """Return the distance of every constant from the float .onnx, in units in the last place."""
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
                yield where, largest_steps(two, one, step)


def compare_layers_with_float(float_file: bytes, content: bytes) -> StorageReport | None:
    """Return the distance of the integer weights from the float .onnx that they were rounded from, in steps.

    A step is the largest weight of an output channel, divided by 127. None if the files do not have the same layers.
    """
    expected, found = list(layers(_read(float_file))), list(layers(_read(content), across_grids=True))
    if [layer.shape for layer in expected] != [layer.shape for layer in found]:
        return None
    return _report(chain.from_iterable(_rounding(*pair) for pair in zip(expected, found, strict=True)))


def _rounding(layer: Layer, other: Layer) -> Iterator[tuple[str, float]]:
    weights = layer.read()
    step = np.broadcast_to(symmetric_steps(weights, 0), weights.shape)
    yield f"weights of {layer.name}", largest_steps(other.read(), weights, step)
    if layer.bias is not None:
        bias = np.zeros_like(layer.bias) if other.bias is None else other.bias
        step = symmetric_steps(layer.bias.reshape(1, -1), 0)
        yield f"bias of {layer.name}", largest_steps(np.asarray(bias), layer.bias, np.full(layer.bias.shape, step))


def is_integer(content: bytes) -> bool:
    """Return whether a file stores weights as integers of 8 bits."""
    import onnx

    proto: Any = onnx.load_from_string(content)
    kinds = {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}
    return any(tensor.data_type in kinds and tensor.dims for tensor in proto.graph.initializer)


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
