"""Use signed weights only where no CPU can saturate.

On x86 with AVX2 but without VNNI, ONNX Runtime multiplies unsigned activations by *signed* weights with vpmaddubsw,
which adds two neighbouring products in 16 bits and saturates: a quarter of MobileNet's predictions change. Unsigned
weights give the same outputs on every CPU, but take twice the time on CPUs with VNNI. Layers whose neighbouring weights
cannot exceed 16 bits together, for any activations, therefore get signed weights.
"""

from __future__ import annotations

import numpy as np

from calibration.samples import Array
from export.formats.onnx.graph import Graph
from export.formats.onnx.integers import SIGN
from export.formats.onnx.protos import GraphProto, NodeProto
from export.formats.pairing import LARGEST_PAIR


def sign_safe_weights(proto: GraphProto) -> None:
    """Restore int8 weights in the layers that cannot saturate on any CPU, because int8 is faster on some."""
    graph = Graph(proto)
    for node in proto.node:
        dequantize = graph.producer.get(node.input[1]) if node.op_type in ("Conv", "Gemm") else None
        if dequantize is None or dequantize.op_type != "DequantizeLinear":
            continue
        stored = graph.stored.get(dequantize.input[0])
        if stored is None or graph.value(dequantize.input[0]).dtype != np.uint8:
            continue
        weights = graph.value(dequantize.input[0]).astype(np.int16) - SIGN
        if _is_depthwise(node, weights) or all(is_safe(order) for order in _orders(node, weights)):
            for position in (0, 2):
                signed = graph.value(dequantize.input[position]).astype(np.int16) - SIGN
                name = f"{dequantize.output[0]}/signed/{position}"
                dequantize.input[position] = graph.store(name, signed.astype(np.int8))


def is_safe(weights: Array) -> bool:
    """Return whether no two neighbours in a row of `weights` (outputs, inputs) exceed LARGEST_PAIR together."""
    even = np.pad(weights, ((0, 0), (0, weights.shape[1] % 2)))
    return bool(np.abs(even[:, 0::2] + even[:, 1::2]).max() <= LARGEST_PAIR)


def _is_depthwise(node: NodeProto, weights: Array) -> bool:
    """Return whether the runtime uses its depthwise kernel, which multiplies in 32 bits and cannot saturate."""
    groups = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
    return node.op_type == "Conv" and bool(groups == len(weights) > 1) and weights.shape[1] == 1


def _orders(node: NodeProto, weights: Array) -> list[Array]:
    """Return `weights` as (outputs, inputs) in each order in which the runtime may multiply."""
    if node.op_type == "Conv":
        return [np.moveaxis(weights, 1, -1).reshape(len(weights), -1), weights.reshape(len(weights), -1)]
    transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
    return [weights if transposed else weights.T]
