"""Keep a matrix that is read both ways, such as the table of an embedding that is also the head, stored once.

tf2onnx transposes such a matrix for the product, and folding would store the result as a second matrix.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from export.formats.onnx.protos import GraphProto


def share_transposed(graph: GraphProto, outside: Collection[str] = ()) -> None:
    """Let products of rows with a transposed matrix read the matrix itself, if others read it too.

    Args:
        graph: is changed in place.
        outside: names of inputs that will be initializers.
    """
    from onnx import helper

    stored = {tensor.name: len(tensor.dims) for tensor in graph.initializer}
    stored |= {value.name: len(value.type.tensor_type.shape.dim) for value in graph.input if value.name in outside}
    readers = Counter(name for node in graph.node for name in node.input)
    turned = {
        node.output[0]: node.input[0]
        for node in graph.node
        if node.op_type == "Transpose" and stored.get(node.input[0]) == 2 and readers[node.input[0]] > 1
    }
    for index, node in enumerate(graph.node):
        if node.op_type == "MatMul" and node.input[1] in turned:
            inputs = [node.input[0], turned[node.input[1]]]
            graph.node[index].CopyFrom(helper.make_node("Gemm", inputs, list(node.output), name=node.name, transB=1))
