"""Tables of an integer .onnx, and the real-valued operators that they stand for.

A table has an index (Cast) and a result (Gather). There are three: inputs of a squared difference (read by a Sub),
reciprocal square roots (the only ones that fall) and hard-swish, whose result is 0 at 0, which every range contains.
"""

from __future__ import annotations

from export.formats.onnx.graph import Graph
from export.formats.onnx.protos import NodeProto

CODES = 256


def of(graph: Graph) -> dict[str, NodeProto]:
    """Return the real-valued operators by the outputs of the nodes that they replace: index and result."""
    from onnx import helper

    found: dict[str, NodeProto] = {}
    subtracted = {name for node in graph.proto.node if node.op_type == "Sub" for name in node.input}
    for node in graph.proto.node:
        index = graph.producer.get(node.input[1]) if node.op_type == "Gather" else None
        if index is None or index.op_type != "Cast" or node.input[0] not in graph.stored:
            continue
        values = graph.value(node.input[0])
        if values.shape != (CODES,):
            continue  # An embedding.
        if node.output[0] in subtracted:
            kinds = ("Identity", "Identity")
        else:
            kinds = ("Sqrt", "Reciprocal") if values[0] > values[-1] else ("Identity", "HardSwish")
        found[index.output[0]] = helper.make_node(kinds[0], [index.input[0]], list(index.output))
        found[node.output[0]] = helper.make_node(kinds[1], [node.input[1]], list(node.output))
    return found
