"""Derive an .onnx with int8 weights and float32 arithmetic from a weight-only int8 .tflite."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from export.formats.onnx.graph import Graph
from export.formats.onnx.naming import subgraphs
from export.formats.onnx.protos import GraphProto, NodeProto
from export.formats.onnx.sibling import read_sibling, seal


def derive(sibling: bytes) -> bytes:
    """Return the .onnx of a weight-only int8 .tflite: the same integers and scales.

    Raises:
        ConversionError: ONNX has no counterpart for an operator.
    """
    proto = read_sibling(sibling)
    spell_out_dequantizations(proto.graph)
    return seal(proto)


def spell_out_dequantizations(proto: GraphProto) -> None:
    """Replace each DequantizeLinear of the graph and of its loops by a Cast and a Mul.

    ONNX Runtime folds these for weights, but executes a DequantizeLinear in every inference. For a DequantizeLinear
    before a convolution, it also rounds the float bias to int32, which overflows with the fine steps of 16-bit
    activations; before a MatMul in a loop, it rounds the activations to 8 bits.
    """
    for node in proto.node:
        for inner in subgraphs(node):
            spell_out_dequantizations(inner)
    graph = Graph(proto)
    nodes: list[Any] = []
    for node in proto.node:
        if node.op_type != "DequantizeLinear":
            nodes.append(node)
        elif node.input[0] in graph.stored and graph.value(node.input[0]).dtype != np.int8:
            store_real(graph, node)
        else:
            nodes.extend(spelled_out(graph, node))
    graph.replace_nodes(nodes)


def store_real(graph: Graph, node: NodeProto) -> None:
    """Store the real values of a dequantized bias, because ONNX cannot dequantize int64 biases."""
    stored = graph.value(node.input[0]).astype(np.float64)
    scale, zero_point = (_parameter(graph, node, position, stored.ndim) for position in (1, 2))
    graph.store(node.output[0], ((stored - zero_point) * scale).astype(np.float32))


def spelled_out(graph: Graph, node: NodeProto) -> Iterator[Any]:
    """Yield the nodes that replace the DequantizeLinear `node`."""
    from onnx import TensorProto, helper

    source, result = node.input[0], node.output[0]
    rank = graph.value(source).ndim if source in graph.stored else 0
    scale, zero_point = (_parameter(graph, node, position, rank) for position in (1, 2))
    cast = f"{result}/cast"
    yield helper.make_node("Cast", [source], [cast], to=TensorProto.FLOAT)
    if zero_point.any():
        offset = graph.store(f"{result}/zero_point", zero_point.astype(np.float32))
        yield helper.make_node("Sub", [cast, offset], [f"{result}/centred"])
        cast = f"{result}/centred"
    yield helper.make_node("Mul", [cast, graph.store(f"{result}/scale", scale)], [result])


def _parameter(graph: Graph, node: NodeProto, position: int, rank: int) -> Any:
    """Return the scale (1) or zero point (2) of `node`, shaped to broadcast along its axis."""
    value = graph.value(node.input[position])
    if value.ndim == 0:
        return value
    axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)
    shape = [1] * rank
    shape[axis] = -1
    return value.reshape(shape)
