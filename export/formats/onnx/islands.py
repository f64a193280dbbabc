"""Rewrite operators that ONNX Runtime would execute in float into forms that it fuses to integer operators."""

from __future__ import annotations

from typing import Any

import numpy as np

from export.formats.onnx.graph import Graph
from export.formats.onnx.naming import subgraphs
from export.formats.onnx.protos import GraphProto, ModelProto, NodeProto
from export.formats.onnx.weights_only import spell_out_dequantizations, spelled_out

LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
MOVES = frozenset({"Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
SPATIAL_AXES = [2, 3]  # For images with channels first.


def pad_integers(proto: GraphProto) -> None:
    """Move each Pad before the DequantizeLinear, if the padded tensor keeps scale and zero point."""
    graph = Graph(proto)
    for node in proto.node:
        pad = graph.producer.get(node.input[0]) if node.op_type == "QuantizeLinear" else None
        source = graph.producer.get(pad.input[0]) if pad is not None and pad.op_type == "Pad" else None
        if pad is None or source is None or source.op_type != "DequantizeLinear":
            continue
        pairs = zip(source.input[1:], node.input[1:], strict=True)
        if graph.readers[pad.output[0]] > 1 or not all(graph.is_equal(*pair) for pair in pairs):
            continue
        given = [*pad.input, "", ""][2]
        if given and given not in graph.stored:
            continue
        value = graph.quantizer(node)(float(graph.value(given)) if given else 0.0)
        kind = graph.value(node.input[2]).dtype
        if kind.itemsize > 1:
            continue  # ONNX Runtime has no Pad for int16.
        constant = graph.store(f"{node.output[0]}/padding", np.array(value, kind))
        pad.input[:] = [source.input[0], pad.input[1], constant, *pad.input[3:]]
        node.op_type, node.input[:] = "Identity", [pad.output[0]]


def keep_layers_in_float(proto: GraphProto) -> None:
    """Spell out the DequantizeLinear before each layer with float weights, so that they stay float.

    ONNX Runtime rounds the weights of a float layer between DequantizeLinear and QuantizeLinear to 8 bits with one
    scale (WeightBiasQuantization): a Conv3D is two steps off.
    """
    graph = Graph(proto)
    readers: dict[str, list[NodeProto]] = {}
    for node in proto.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    nodes: list[Any] = []
    for node in proto.node:
        is_activation = node.op_type == "DequantizeLinear" and node.input[0] not in graph.stored
        ends = _ends(readers, node.output[0]) if is_activation else []
        only_floats = bool(ends) and all(end.op_type in LAYERS and _has_float_weights(graph, end) for end in ends)
        nodes += spelled_out(graph, node) if only_floats else [node]
    graph.replace_nodes(nodes)


def keep_loops_in_float(proto: GraphProto) -> None:
    """Spell out the DequantizeLinear of weights in loops, so that ONNX Runtime does not round the activations there."""
    for node in proto.node:
        for inner in subgraphs(node):
            spell_out_dequantizations(inner)


def _has_float_weights(graph: Graph, node: NodeProto) -> bool:
    return node.input[1] in graph.stored and graph.value(node.input[1]).dtype == np.float32


def _ends(readers: dict[str, list[NodeProto]], name: str) -> list[NodeProto]:
    """Return the nodes that read `name`, also through operators that only move data."""
    found = readers.get(name, [])
    moved = [end for one in found if one.op_type in MOVES for end in _ends(readers, one.output[0])]
    return [one for one in found if one.op_type not in MOVES] + moved


def pool_globally(model: ModelProto) -> None:
    """Replace each quantized mean over a feature map by GlobalAveragePool, which has an integer kernel."""
    from onnx import helper

    proto = model.graph
    graph, ranks = Graph(proto), _ranks(model)
    nodes: list[Any] = []
    for node in proto.node:
        nodes.append(node)
        mean = graph.producer.get(node.input[0]) if node.op_type == "QuantizeLinear" else None
        if mean is None or not _is_global_mean(graph, mean, ranks) or graph.readers[mean.output[0]] > 1:
            continue
        keeps = all(attribute.i for attribute in mean.attribute if attribute.name == "keepdims")
        del mean.attribute[:], mean.input[1:]
        mean.op_type = "GlobalAveragePool"
        if not keeps:
            result, node.output[0] = node.output[0], f"{node.output[0]}/map"
            axes = graph.store(f"{result}/axes", np.array(SPATIAL_AXES, np.int64))
            nodes.append(helper.make_node("Squeeze", [node.output[0], axes], [result]))
    graph.replace_nodes(nodes)


def _ranks(model: ModelProto) -> dict[str, int]:
    """Return the number of dimensions of each computed tensor."""
    from onnx import shape_inference

    values = shape_inference.infer_shapes(model).graph.value_info
    return {value.name: len(value.type.tensor_type.shape.dim) for value in values}


def _is_global_mean(graph: Graph, node: NodeProto, ranks: dict[str, int]) -> bool:
    source = graph.producer.get(node.input[0])
    if node.op_type != "ReduceMean" or source is None or source.op_type != "DequantizeLinear":
        return False
    if len(node.input) < 2 or node.input[1] not in graph.stored:
        return False
    return ranks.get(node.input[0]) == 4 and sorted(graph.value(node.input[1])) == SPATIAL_AXES
