"""Square roots and their reciprocals, of integers, as tables of LiteRT's results.

LiteRT rounds 2^20 / sqrt(x), and rounds its product with the ratio of the scales twice, so that results just below a
half are rounded up (tensorflow/lite/kernels/elementwise.cc, RsqrtEvalQuantized). One of 500 codes differs from a float
computation by a step, but a normalization multiplies whole images by one such code.

Square roots are rounded down, so that half of the codes differ by a step; where a normalization follows, 12 % of the
outputs of a small network then lie two steps apart.
"""

from __future__ import annotations

import math

import numpy as np

from calibration.samples import Array
from export.formats.onnx.graph import Graph
from export.formats.onnx.hard_swish import SIGN, are_of_8_bits, shifted_down
from export.formats.onnx.protos import GraphProto, NodeProto

SHIFT = 20


def tabulate(proto: GraphProto) -> None:
    """Replace each 8-bit root by a table of its results: real values that are already rounded."""
    from onnx import TensorProto, helper

    graph = Graph(proto)
    nodes: list[NodeProto] = []
    for node in proto.node:
        is_reciprocal = node.op_type == "Reciprocal"
        root = graph.producer.get(node.input[0]) if is_reciprocal else node
        source = graph.producer.get(root.input[0]) if root is not None and root.op_type == "Sqrt" else None
        readers = [one for one in proto.node if node.output[0] in one.input]
        if source is None or len(readers) != 1 or not are_of_8_bits(graph, source, readers[0]):
            nodes.append(node)
            continue
        (in_step, in_zero), (step, zero) = (
            [graph.value(one) for one in end.input[1:3]] for end in (source, readers[0])
        )
        make = table if is_reciprocal else table_of_roots
        codes = make(float(in_step), int(in_zero) - SIGN, float(step), int(zero) - SIGN)
        values = (codes - (int(zero) - SIGN)).astype(np.float32) * np.float32(step)
        results, index = graph.store(f"{node.output[0]}/results", values), f"{node.output[0]}/index"
        nodes.append(helper.make_node("Cast", [source.input[0]], [index], to=TensorProto.INT32))
        nodes.append(helper.make_node("Gather", [results, index], [node.output[0]]))
    graph.replace_nodes(nodes)


def table(in_step: float, in_zero: int, step: float, zero: int) -> Array:
    """Return LiteRT's results for the codes -128, -127, ... 127 as int64 (256,); the largest code at zero and below."""
    fraction, exponent = math.frexp(1 / (math.sqrt(in_step) * step))
    multiplier = math.floor(fraction * (1 << 31) + 0.5)
    results = []
    for code in range(-SIGN - in_zero, SIGN - in_zero):
        root = round((1 << SHIFT) / math.sqrt(code)) if code > 0 else 0
        product = shifted_down((root << max(exponent - SHIFT, 0)) * multiplier, 31)
        result = shifted_down(product, max(SHIFT - exponent, 0)) + zero
        results.append(min(result, SIGN - 1) if code > 0 else SIGN - 1)
    return np.array(results)


def table_of_roots(in_step: float, in_zero: int, step: float, zero: int) -> Array:
    """Return LiteRT's square roots of the codes -128, -127, ... 127 as int64 (256,), which are rounded down."""
    values = np.maximum(np.arange(-SIGN, SIGN) - in_zero, 0).astype(np.float32) * np.float32(in_step)
    roots = np.floor(np.sqrt(values) / np.float32(step)).astype(np.int64) + zero
    clipped: Array = np.clip(roots, -SIGN, SIGN - 1)
    return clipped
