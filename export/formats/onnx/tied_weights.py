"""Keep a matrix that is read both ways, such as the table of an embedding that is also the head, stored once.

tf2onnx transposes such a matrix for the product, and folding would store the result as a second matrix.
"""

from __future__ import annotations

from collections import Counter

from export.formats.onnx.protos import GraphProto


def share_transposed(graph: GraphProto) -> None:
    """Let products of rows with a transposed initializer read the initializer itself, if others read it too."""
    from onnx import helper

    stored = {tensor.name: len(tensor.dims) for tensor in graph.initializer}
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
