"""Hard-swish of integers as a table of LiteRT's results.

LiteRT computes hard-swish in 16 bits, and rounds a few of the 256 results differently from a float computation. A
difference of one step in one of 256 results spreads to most of the outputs, layer by layer. The table therefore follows
the steps of tensorflow/lite/kernels/internal/reference/reference_ops.h (HardSwish); the optimized kernels return the
same bits.
"""

from __future__ import annotations

import math

import numpy as np

from calibration.samples import Array
from export.formats.onnx.graph import Graph
from export.formats.onnx.protos import GraphProto, NodeProto

SIGN = 128  # Offset from the signed codes of the .tflite to unsigned codes.


def tabulate(proto: GraphProto) -> None:
    """Replace each 8-bit hard-swish by a table of its results: real values that are already rounded."""
    from onnx import TensorProto, helper

    graph = Graph(proto)
    nodes: list[NodeProto] = []
    for node in proto.node:
        source = graph.producer.get(node.input[0]) if node.op_type == "HardSwish" else None
        readers = [one for one in proto.node if node.output[0] in one.input]
        target = readers[0] if len(readers) == 1 else None
        if source is None or target is None or not are_of_8_bits(graph, source, target):
            nodes.append(node)
            continue
        results = graph.store(f"{node.output[0]}/answers", _real_table(graph, source, target))
        index = f"{node.output[0]}/index"
        nodes.append(helper.make_node("Cast", [source.input[0]], [index], to=TensorProto.INT32))
        nodes.append(helper.make_node("Gather", [results, index], [node.output[0]]))
    graph.replace_nodes(nodes)


def _real_table(graph: Graph, source: NodeProto, target: NodeProto) -> Array:
    """Return the results for the codes 0, 1, ... 255 as float32 (256,)."""
    grids = [[graph.value(name) for name in node.input[1:3]] for node in (source, target)]
    (in_scale, in_zero), (out_scale, out_zero) = ((float(scale), int(zero) - SIGN) for scale, zero in grids)
    results = table(in_scale, in_zero, out_scale, out_zero)
    return (results.astype(np.float32) - np.float32(out_zero)) * np.float32(out_scale)


def table(in_scale: float, in_zero: int, out_scale: float, out_zero: int) -> Array:
    """Return LiteRT's results for the codes -128, -127, ... 127 as int8 (256,)."""
    results = [_result(stored - in_zero, in_scale, out_scale) + out_zero for stored in range(-SIGN, SIGN)]
    return np.clip(results, -SIGN, SIGN - 1).astype(np.int8)


def _result(value: int, in_scale: float, out_scale: float) -> int:
    """Return x * relu6(x + 3) / 6 in output steps, x being `value` input steps."""
    fine_scale = np.float32(1 / 128) * np.float32(in_scale)  # Scale of an input shifted left by 7 bits.
    to_output, output_exponent = _multiplier(float(fine_scale / np.float32(out_scale)))
    to_gate, gate_exponent = _multiplier(float(fine_scale / np.float32(3 / 32768)))
    fine = value << 7
    # The gate before halving and offset: -1 to 1 represents -3 to 3, saturated to 16 bits.
    gate = fine
    if gate_exponent > 0:
        gate = _saturated(gate << (gate_exponent - 1))
    gate = _high_product(gate, to_gate, rounded=True)
    if gate_exponent > 0:
        gate = _saturated(gate << 1)
    if gate_exponent < 0:
        gate = shifted_down(gate, -gate_exponent)
    gate = (gate + (1 << 15)) >> 1
    unshifted = _high_product(gate, _high_product(fine, to_output, rounded=True), rounded=False)
    return shifted_down(unshifted, -output_exponent)


def _multiplier(real: float) -> tuple[int, int]:
    """Return (m, e) with real = m / 2^15 * 2^e, where m has 15 bits and is rounded via 31 bits."""
    fraction, exponent = math.frexp(real)
    of_31_bits = math.floor(fraction * (1 << 31) + 0.5)
    if of_31_bits == 1 << 31:
        of_31_bits, exponent = of_31_bits // 2, exponent + 1
    if of_31_bits >= (1 << 31) - (1 << 15):
        return (1 << 15) - 1, exponent
    return (of_31_bits + (1 << 15)) >> 16, exponent


def _high_product(one: int, other: int, *, rounded: bool) -> int:
    """Return one * other / 2^15, rounded half away from zero or truncated."""
    product = one * other
    nudge = ((1 << 14) if product >= 0 else 1 - (1 << 14)) if rounded else 0
    return _saturated(int((product + nudge) / (1 << 15)))


def shifted_down(value: int, bits: int) -> int:
    """Return value / 2^bits, rounded half away from zero."""
    if bits <= 0:
        return value << -bits
    return int(math.copysign((abs(value) + (1 << (bits - 1))) >> bits, value))


def _saturated(value: int) -> int:
    return max(-(1 << 15), min((1 << 15) - 1, value))


def are_of_8_bits(graph: Graph, source: NodeProto, target: NodeProto) -> bool:
    """Return whether `source` dequantizes 8-bit codes and `target` quantizes to 8 bits, each with a single scale."""
    if (source.op_type, target.op_type) != ("DequantizeLinear", "QuantizeLinear"):
        return False
    names = [*source.input[1:3], *target.input[1:3]]
    values = [graph.value(name) for name in names if name in graph.stored]
    return (
        len(values) == 4
        and all(one.ndim == 0 for one in values)
        and {one.dtype for one in values[1::2]} == {np.dtype("uint8")}
    )
