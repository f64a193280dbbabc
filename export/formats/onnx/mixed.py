"""Layers in higher precision of an int8 .onnx: computed in float32, rounded to int16 where the .tflite does so.

ONNX Runtime has no integer kernels for 16-bit activations; equal rounding gives equal values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from export.formats.onnx.graph import Graph
from export.formats.onnx.naming import needed
from export.formats.onnx.protos import GraphProto, ModelProto, NodeProto
from export.formats.onnx.weights_only import spelled_out, store_real
from export.formats.onnx.wide import IR_VERSION, OPSET

_BYTES = (np.int8, np.uint8)

# Operators that may lie between an operator and the seams around it.
_CLIPS = frozenset({"Clip", "Relu"})
_MOVES = frozenset({"Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})


def spell_out_wide_parts(proto: GraphProto) -> None:
    """Replace each DequantizeLinear before a float operator of the sorted graph by a Cast and a Mul.

    `weights_only.spell_out_dequantizations` explains why. Integer operators keep their DequantizeLinear, because the
    runtime fuses both.
    """
    _spell_out_int16(proto)
    graph = Graph(proto)
    readers: dict[str, list[NodeProto]] = {}
    for node in proto.node:
        for name in needed(node):
            readers.setdefault(name, []).append(node)
    nodes: list[Any] = []
    for node in proto.node:
        constants = [place for place, name in enumerate(node.input) if _is_dequantized_constant(graph, name)]
        if constants and not _is_integer(graph, node, readers):
            for place in constants:
                nodes.extend(_own_constant(graph, node, place))
        nodes.append(node)
    graph.replace_nodes(nodes)


def take_int16(model: ModelProto) -> None:
    """Declare the opset that supports int16, if the model uses int16."""
    from onnx import TensorProto

    if any(tensor.data_type == TensorProto.INT16 for tensor in model.graph.initializer):
        model.opset_import[0].version, model.ir_version = OPSET, IR_VERSION


def _spell_out_int16(proto: GraphProto) -> None:
    graph = Graph(proto)
    nodes: list[Any] = []
    for node in proto.node:
        if node.op_type != "DequantizeLinear":
            nodes.append(node)
        elif node.input[0] in graph.stored and graph.value(node.input[0]).dtype == np.int64:
            store_real(graph, node)  # A bias for 16-bit activations.
        elif _kind(graph, node) == np.int16:
            nodes.extend(spelled_out(graph, node))
        else:
            nodes.append(node)
    graph.replace_nodes(nodes)


def _kind(graph: Graph, node: NodeProto) -> Any:
    """Return the stored type of a QuantizeLinear or DequantizeLinear."""
    return graph.value(node.input[2]).dtype if len(node.input) > 2 and node.input[2] in graph.stored else np.uint8


def _is_dequantized_constant(graph: Graph, name: str) -> bool:
    maker = graph.producer.get(name)
    return maker is not None and maker.op_type == "DequantizeLinear" and maker.input[0] in graph.stored


def _is_integer(graph: Graph, node: NodeProto, readers: dict[str, list[NodeProto]]) -> bool:
    """Return whether all inputs and outputs of the node have 8 bits."""
    computed = [name for name in node.input if name and name not in graph.stored]
    computed = [name for name in computed if not _is_dequantized_constant(graph, name)]
    if not all(_is_seam(graph, _origin(graph, name), "DequantizeLinear") for name in computed):
        return False
    ends, todo = [], [node]
    while todo:
        found = [reader for name in todo.pop().output for reader in readers.get(name, [])]
        todo += [reader for reader in found if reader.op_type in _CLIPS | _MOVES]
        ends += [reader for reader in found if reader.op_type not in _CLIPS | _MOVES]
    return bool(ends) and all(_is_seam(graph, end, "QuantizeLinear") for end in ends)


def _origin(graph: Graph, name: str) -> NodeProto | None:
    """Return the node that computes `name`, skipping operators that only move data."""
    maker = graph.producer.get(name)
    while maker is not None and maker.op_type in _MOVES:
        maker = graph.producer.get(maker.input[0])
    return maker


def _is_seam(graph: Graph, node: NodeProto | None, op_type: str) -> bool:
    return node is not None and node.op_type == op_type and _kind(graph, node) in _BYTES


def _own_constant(graph: Graph, node: NodeProto, place: int) -> list[Any]:
    """Give the node its own real-valued copy of a dequantized constant; return the nodes that compute the copy."""
    shared = graph.producer[node.input[place]]
    own = type(shared).FromString(shared.SerializeToString())
    own.output[0] = node.input[place] = f"{shared.output[0]}/{node.output[0]}/{place}"
    if graph.value(own.input[0]).dtype in _BYTES:
        return list(spelled_out(graph, own))
    store_real(graph, own)
    return []
