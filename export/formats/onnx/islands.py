"""Rewrite operators that ONNX Runtime would execute in float into forms that it fuses to integer operators."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from export.formats.onnx.graph import Graph
from export.formats.onnx.naming import subgraphs
from export.formats.onnx.protos import GraphProto, ModelProto, NodeProto
from export.formats.onnx.weights_only import spell_out_dequantizations, spelled_out

LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
# ONNX Runtime moves QuantizeLinear and DequantizeLinear through these.
CROSSED = frozenset({"Flatten", "Identity", "MaxPool", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
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
    scale (WeightBiasQuantization): a Conv3D is two steps off, a layer with 8-bit weights in LeNet-5 six. It moves both
    through operators that only move data, and it folds weights that are computed from constants.
    """
    graph = Graph(proto)
    folded = _folded(graph)
    nodes: list[Any] = []
    for node in proto.node:
        if node.op_type in LAYERS and _has_float_weights(graph, node, folded):
            nodes += _own_input(graph, node)
        nodes.append(node)
    graph.replace_nodes(nodes)


def keep_loops_in_float(proto: GraphProto) -> None:
    """Spell out the DequantizeLinear of weights in loops, so that ONNX Runtime does not round the activations there."""
    for node in proto.node:
        for inner in subgraphs(node):
            spell_out_dequantizations(inner)


def _folded(graph: Graph) -> set[str]:
    """Return the names of real-valued tensors that are computed from constants, other than by a DequantizeLinear."""
    found: set[str] = set()
    for node in graph.proto.node:
        given = [name for name in node.input if name]
        if node.op_type != "DequantizeLinear" and given and all(one in graph.stored or one in found for one in given):
            found.update(node.output)
    return found


def _has_float_weights(graph: Graph, node: NodeProto, folded: Collection[str]) -> bool:
    weights = node.input[1]
    return weights in folded or (weights in graph.stored and graph.value(weights).dtype == np.float32)


def _own_input(graph: Graph, node: NodeProto) -> list[Any]:
    """Let a layer read a spelled-out copy of what it reads of a DequantizeLinear; return the nodes of the copy.

    The copy is the layer's own, because others that read the same numbers may have integer operators.
    """
    chain, maker = [], graph.producer.get(node.input[0])
    while maker is not None and maker.op_type in CROSSED:
        chain.append(maker)
        maker = graph.producer.get(maker.input[0])
    if maker is None or maker.op_type != "DequantizeLinear" or maker.input[0] in graph.stored:
        return []
    copies = [type(one).FromString(one.SerializeToString()) for one in (maker, *reversed(chain))]
    for place, copy in enumerate(copies):
        copy.name, copy.output[0] = "", f"{copy.output[0]}/{node.output[0]}/float"
        if place:
            copy.input[0] = copies[place - 1].output[0]
    node.input[0] = copies[-1].output[0]
    return [*spelled_out(graph, copies[0]), *copies[1:]]


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
