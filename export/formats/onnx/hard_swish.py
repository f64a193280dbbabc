"""Hard-swish of integers: LiteRT computes it in 16 bits, and rounds a few of its 256 answers otherwise than a float.

One answer in 256 that is one step off grows to most of the outputs, layer by layer. So the .onnx gets the answers
themselves, as a table. They are those of tensorflow/lite/kernels/internal/reference/reference_ops.h (HardSwish), whose
steps are followed here; the optimized kernels give the same bits.
"""

from __future__ import annotations

import math

import numpy as np

from calibration.samples import Array
from export.formats.onnx.graph import Graph
from export.formats.onnx.protos import GraphProto, NodeProto

SIGN = 128  # what unsigned codes are higher than those of the .tflite


def tabulate(proto: GraphProto) -> None:
    """Write each hard-swish from 8 bits to 8 bits as a table of its answers, real numbers that are rounded already."""
    from onnx import TensorProto, helper

    graph = Graph(proto)
    nodes: list[NodeProto] = []
    for node in proto.node:
        source = graph.producer.get(node.input[0]) if node.op_type == "HardSwish" else None
        readers = [one for one in proto.node if node.output[0] in one.input]
        target = readers[0] if len(readers) == 1 else None
        if source is None or target is None or not _are_of_8_bits(graph, source, target):
            nodes.append(node)
            continue
        answers = graph.store(f"{node.output[0]}/answers", _real_answers(graph, source, target))
        index = f"{node.output[0]}/index"
        nodes.append(helper.make_node("Cast", [source.input[0]], [index], to=TensorProto.INT32))
        nodes.append(helper.make_node("Gather", [answers, index], [node.output[0]]))
    graph.replace_nodes(nodes)


def untabulate(node: NodeProto) -> NodeProto:
    """Return what a node of such a table does to real numbers."""
    from onnx import helper

    if node.op_type == "Cast":
        return helper.make_node("Identity", [node.input[0]], list(node.output))
    return helper.make_node("HardSwish", [node.input[1]], list(node.output))


def _real_answers(graph: Graph, source: NodeProto, target: NodeProto) -> Array:
    """Return the answers to the codes 0, 1, ... 255 as float32."""
    grids = [[graph.value(name) for name in node.input[1:3]] for node in (source, target)]
    (in_scale, in_zero), (out_scale, out_zero) = ((float(scale), int(zero) - SIGN) for scale, zero in grids)
    answers = table(in_scale, in_zero, out_scale, out_zero)
    return (answers.astype(np.float32) - np.float32(out_zero)) * np.float32(out_scale)


def table(in_scale: float, in_zero: int, out_scale: float, out_zero: int) -> Array:
    """Return what LiteRT answers to -128, -127, ... 127, int8 (256,)."""
    answers = [_answer(stored - in_zero, in_scale, out_scale) + out_zero for stored in range(-SIGN, SIGN)]
    return np.clip(answers, -SIGN, SIGN - 1).astype(np.int8)


def _answer(value: int, in_scale: float, out_scale: float) -> int:
    """Return x * relu6(x + 3) / 6 in output steps, x being `value` input steps."""
    fine_scale = np.float32(1 / 128) * np.float32(in_scale)  # of an input moved up by 7 bits
    to_output, output_exponent = _multiplier(float(fine_scale / np.float32(out_scale)))
    to_gate, gate_exponent = _multiplier(float(fine_scale / np.float32(3 / 32768)))
    fine = value << 7
    # -1 to 1 stands for -3 to 3, cut off at the ends of 16 bits: the gate, but for its halving and its offset.
    gate = fine
    if gate_exponent > 0:
        gate = _saturated(gate << (gate_exponent - 1))
    gate = _high_product(gate, to_gate, rounded=True)
    if gate_exponent > 0:
        gate = _saturated(gate << 1)
    if gate_exponent < 0:
        gate = _shifted_down(gate, -gate_exponent)
    gate = (gate + (1 << 15)) >> 1
    unshifted = _high_product(gate, _high_product(fine, to_output, rounded=True), rounded=False)
    return _shifted_down(unshifted, -output_exponent)


def _multiplier(real: float) -> tuple[int, int]:
    """Return (m, e) with real = m / 2^15 * 2^e and m of 15 bits, rounded by way of 31 bits."""
    fraction, exponent = math.frexp(real)
    of_31_bits = math.floor(fraction * (1 << 31) + 0.5)
    if of_31_bits == 1 << 31:
        of_31_bits, exponent = of_31_bits // 2, exponent + 1
    if of_31_bits >= (1 << 31) - (1 << 15):
        return (1 << 15) - 1, exponent
    return (of_31_bits + (1 << 15)) >> 16, exponent


def _high_product(one: int, other: int, *, rounded: bool) -> int:
    """Return one * other / 2^15; rounded half away from zero, or cut off towards zero."""
    product = one * other
    nudge = ((1 << 14) if product >= 0 else 1 - (1 << 14)) if rounded else 0
    return _saturated(int((product + nudge) / (1 << 15)))


def _shifted_down(value: int, bits: int) -> int:
    """Return value / 2^bits, rounded half away from zero."""
    if bits <= 0:
        return value << -bits
    return int(math.copysign((abs(value) + (1 << (bits - 1))) >> bits, value))


def _saturated(value: int) -> int:
    return max(-(1 << 15), min((1 << 15) - 1, value))


def _are_of_8_bits(graph: Graph, source: NodeProto, target: NodeProto) -> bool:
    """Whether one takes codes of 8 bits to real numbers and the other takes them back, each with one scale."""
    if (source.op_type, target.op_type) != ("DequantizeLinear", "QuantizeLinear"):
        return False
    names = [*source.input[1:3], *target.input[1:3]]
    values = [graph.value(name) for name in names if name in graph.stored]
    return (
        len(values) == 4
        and all(one.ndim == 0 for one in values)
        and {one.dtype for one in values[1::2]} == {np.dtype("uint8")}
    )
