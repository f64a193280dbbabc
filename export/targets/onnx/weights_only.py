"""Weight-only int8 .tflite -> .onnx: int8 weights per channel, computed in float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from export.targets.onnx.graph import Graph
from export.targets.onnx.sibling import read_sibling, seal


def derive(sibling: bytes) -> bytes:
    """Return the .onnx of a weight-only int8 .tflite: the same integers and scales.

    Raises:
        ConversionError: an operator that ONNX cannot express.
    """
    proto = read_sibling(sibling)
    spell_out_weights(proto.graph)
    return seal(proto)


def spell_out_weights(proto: Any) -> None:
    """Write each DequantizeLinear of stored numbers in the graph `proto` as a Cast and a Mul.

    ONNX Runtime folds those two when it loads the file; a DequantizeLinear would run at every inference.
    Biases become float right here: int64, as 16-bit activations bring them, cannot be dequantized in ONNX.
    """
    from onnx import TensorProto, helper

    graph = Graph(proto)
    nodes = []
    for node in proto.node:
        if node.op_type != "DequantizeLinear" or node.input[0] not in graph.stored:
            nodes.append(node)
            continue
        result = node.output[0]
        stored, scale, zero_point = (graph.value(name) for name in node.input[:3])
        axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)
        scale = _along(scale, stored.ndim, axis)
        if stored.dtype != np.int8 or zero_point.any():
            real = (stored.astype(np.float64) - _along(zero_point, stored.ndim, axis)) * scale
            graph.store(result, real.astype(np.float32))
            continue
        factor, cast = graph.store(f"{result}/scale", scale), f"{result}/cast"
        nodes.append(helper.make_node("Cast", [node.input[0]], [cast], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [cast, factor], [result]))
    graph.replace_nodes(nodes)


def _along(parameter: Any, rank: int, axis: int) -> Any:
    """Return a scale or zero point shaped to multiply a tensor of `rank` along `axis`."""
    if parameter.ndim == 0:
        return parameter
    shape = [1] * rank
    shape[axis] = -1
    return parameter.reshape(shape)
