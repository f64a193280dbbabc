"""Round the product of two activations as LiteRT does, as in attention.

LiteRT multiplies the integer sum by a fraction of 31 bits and rounds, then divides by 2^n and rounds again, halves away
from zero (tensorflow/lite/kernels/internal/common.h, MultiplyByQuantizedMultiplier). Sums that are up to 2^-(n+1) of a
step below a half are rounded up: one of 200. The .onnx therefore moves each product away from zero by this amount.
"""

from __future__ import annotations

import math

import numpy as np

from export.formats.onnx.graph import Graph
from export.formats.onnx.hard_swish import are_of_8_bits
from export.formats.onnx.protos import GraphProto, NodeProto


def as_the_runtime_rounds(proto: GraphProto) -> None:
    """Make each 8-bit product of two activations return the same integers as in LiteRT."""
    from onnx import helper

    graph = Graph(proto)
    nodes: list[NodeProto] = []
    for node in proto.node:
        product = graph.producer.get(node.input[0]) if node.op_type == "QuantizeLinear" else None
        ratio = _ratio(graph, product, node) if product is not None else None
        if ratio is not None and ratio < 1 / 2:  # Products with larger ratios are rounded once.
            name, step = node.output[0], float(graph.value(node.input[1]))
            nudge = graph.store(f"{name}/nudge", np.float32(step * 2.0 ** (math.frexp(ratio)[1] - 1)))
            nodes += [
                helper.make_node("Sign", [node.input[0]], [f"{name}/sign"]),
                helper.make_node("Mul", [f"{name}/sign", nudge], [f"{name}/away"]),
                helper.make_node("Add", [node.input[0], f"{name}/away"], [f"{name}/moved"]),
            ]
            node.input[0] = f"{name}/moved"
        nodes.append(node)
    graph.replace_nodes(nodes)


def _ratio(graph: Graph, product: NodeProto, target: NodeProto) -> float | None:
    """Return the steps of `target` in a unit of the integer sum, for a product of two 8-bit activations; else None."""
    if product.op_type != "MatMul" or graph.readers[product.output[0]] != 1:
        return None
    sources = [_origin(graph, name) for name in product.input]
    found = [source for source in sources if source is not None and are_of_8_bits(graph, source, target)]
    if len(found) != 2 or any(source.input[0] in graph.stored for source in found):
        return None
    steps = [float(graph.value(source.input[1])) for source in found]
    return steps[0] * steps[1] / float(graph.value(target.input[1]))


def _origin(graph: Graph, name: str) -> NodeProto | None:
    """Return the node that computes `name`, skipping transposes and reshapes."""
    maker = graph.producer.get(name)
    while maker is not None and maker.op_type in ("Reshape", "Transpose"):
        maker = graph.producer.get(maker.input[0])
    return maker
