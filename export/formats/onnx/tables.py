"""Tables of an integer .onnx, and the real-valued operators that they stand for.

A table has an index (Cast) and a result (Gather). There are four: inputs of a squared difference (read by a Sub),
reciprocal square roots (the only ones that fall), square roots, which rise less and less, and hard-swish, which rises
more and more.
"""

from __future__ import annotations

import numpy as np

from calibration.samples import Array
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
        kinds = ("Identity", "Identity") if node.output[0] in subtracted else _kinds(values)
        found[index.output[0]] = helper.make_node(kinds[0], [index.input[0]], list(index.output))
        found[node.output[0]] = helper.make_node(kinds[1], [node.input[1]], list(node.output))
    return found


def _kinds(values: Array) -> tuple[str, str]:
    """Return the operators of a table that is no difference's: those of its index and of its result."""
    if values[0] > values[-1]:
        return "Sqrt", "Reciprocal"
    first, last = (
        CODES - 1 - int(np.argmin(values[::-1])),
        int(np.argmax(values)),
    )  # the part that the grid does not cut
    half = values[(first + last) // 2] - values[first]
    # Half of the way, a root has risen by 0.71 of the whole, and a hard-swish by a half at most.
    return ("Identity", "Sqrt") if half > 0.6 * (values[last] - values[first]) else ("Identity", "HardSwish")
