"""Round float inputs to 8 bits as LiteRT does: it multiplies by the reciprocal of the scale, ONNX Runtime divides.

Both round halves to even, but the quotients differ in the last bit. Pixels lie on halves where the range of the input
is that of the photos: in a small MobileNet v3 one of 256 colours was stored a step apart, and 7 % of the outputs were
two steps apart at the end; now they are equal. The .onnx rounds the product before QuantizeLinear, which then changes
nothing.
"""

from __future__ import annotations

import numpy as np

from export.formats.onnx.graph import Graph
from export.formats.onnx.protos import GraphProto, NodeProto


def round_as_the_runtime(proto: GraphProto) -> None:
    """Make each 8-bit QuantizeLinear of a float input return the same integers as in LiteRT."""
    from onnx import helper

    graph = Graph(proto)
    inputs = {value.name for value in proto.input} - set(graph.stored)
    nodes: list[NodeProto] = []
    for node in proto.node:
        scale = _scale(graph, node) if node.op_type == "QuantizeLinear" and node.input[0] in inputs else None
        if scale is not None:
            name = node.output[0]
            factors = [graph.store(f"{name}/{key}", one) for key, one in (("per", 1 / scale), ("step", scale))]
            names = [f"{name}/{key}" for key in ("steps", "whole", "real")]
            nodes += [
                helper.make_node("Mul", [node.input[0], factors[0]], [names[0]]),
                helper.make_node("Round", [names[0]], [names[1]]),
                helper.make_node("Mul", [names[1], factors[1]], [names[2]]),
            ]
            node.input[0] = names[2]
        nodes.append(node)
    graph.replace_nodes(nodes)


def roundings(graph: Graph) -> dict[str, str]:
    """Return, for each result of the operators that `round_as_the_runtime` added, the input that it rounds."""
    found: dict[str, str] = {}
    for node in graph.proto.node:
        scale = _scale(graph, node) if node.op_type == "QuantizeLinear" else None
        chain: list[NodeProto] = []
        for kind, factor in (("Mul", scale), ("Round", None), ("Mul", None if scale is None else 1 / scale)):
            maker = graph.producer.get(chain[-1].input[0] if chain else node.input[0])
            if maker is None or maker.op_type != kind or (factor is not None and not _is_by(graph, maker, factor)):
                break
            chain.append(maker)
        if scale is not None and len(chain) == 3:
            found |= {one.output[0]: chain[-1].input[0] for one in chain}
    return found


def _scale(graph: Graph, node: NodeProto) -> np.float32 | None:
    """Return the scale of a QuantizeLinear to 8 bits; None of another one."""
    if len(node.input) < 3 or not all(name in graph.stored for name in node.input[1:3]):
        return None
    scale, zero_point = (graph.value(name) for name in node.input[1:3])
    return np.float32(scale.item()) if scale.size == 1 and zero_point.dtype.itemsize == 1 else None


def _is_by(graph: Graph, node: NodeProto, factor: np.float32) -> bool:
    name = node.input[1]
    return name in graph.stored and graph.value(name).size == 1 and graph.value(name).item() == factor
