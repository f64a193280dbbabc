"""Round integer means as LiteRT does: halves away from the stored zero, where QuantizeLinear rounds to even.

LiteRT computes (sum + n / 2) / n, truncated, for a positive sum of n stored integers, and mirrors this for a negative
one (tensorflow/lite/kernels/internal/reference/integer_ops/pooling.h). A quarter of all means of 2 x 2 values are
halves. The .onnx therefore stretches the means away from the stored zero by less than the distance of two means.
"""

from __future__ import annotations

import math

import numpy as np

from export.formats.onnx.graph import Graph
from export.formats.onnx.integers import SIGN
from export.formats.onnx.protos import GraphProto, NodeProto

MOVED = ("Identity", "Reshape", "Transpose")


def as_the_runtime_rounds(proto: GraphProto) -> None:
    """Make each 8-bit AveragePool return the same integers as in LiteRT."""
    from onnx import helper

    graph = Graph(proto)
    nodes: list[NodeProto] = []
    for node in proto.node:
        pool = graph.producer.get(node.input[0]) if node.op_type == "QuantizeLinear" else None
        is_pool = pool is not None and pool.op_type == "AveragePool"
        if pool is None or not is_pool or not _is_of_8_bits(graph, node) or not _keeps_grid(graph, pool, node):
            nodes.append(node)
            continue
        name, (step, zero_point) = node.output[0], (graph.value(one) for one in node.input[1:3])
        count = math.prod(next(one.ints for one in pool.attribute if one.name == "kernel_shape"))
        # Two means are 1 / count steps apart, so no mean that is not a half is nearer to one than half of that.
        stretch = 1 + 1 / (4 * SIGN * count)
        zero = float(step) * (SIGN - int(zero_point))
        factor = graph.store(f"{name}/stretch", np.float32(stretch))
        offset = graph.store(f"{name}/offset", np.float32(zero * (1 - stretch)))
        stretched, placed = f"{name}/stretched", f"{name}/placed"
        nodes += [
            helper.make_node("Mul", [node.input[0], factor], [stretched]),
            helper.make_node("Add", [stretched, offset], [placed]),
            helper.make_node("QuantizeLinear", [placed, *node.input[1:]], [name]),
        ]
    graph.replace_nodes(nodes)


def _is_of_8_bits(graph: Graph, node: NodeProto) -> bool:
    """Return whether a QuantizeLinear writes 8 bits with a single scale."""
    values = [graph.value(name) for name in node.input[1:3] if name in graph.stored]
    return len(values) == 2 and not values[0].ndim and values[1].dtype == np.dtype("uint8")


def _keeps_grid(graph: Graph, pool: NodeProto, node: NodeProto) -> bool:
    """Return whether a pool reads the grid that it writes, as in LiteRT; otherwise it computes in float there."""
    source = graph.producer.get(pool.input[0])
    while source is not None and source.op_type in MOVED:
        source = graph.producer.get(source.input[0])
    if source is None or source.op_type != "DequantizeLinear":
        return False
    return all(graph.is_equal(*pair) for pair in zip(source.input[1:3], node.input[1:3], strict=True))
