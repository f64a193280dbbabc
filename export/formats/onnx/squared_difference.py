"""Square the difference of two activations as LiteRT does, as in the variance of a layer normalization.

LiteRT takes both inputs to a common grid of 1/64 of the larger step before it subtracts them, with a multiplier of 31
bits and a shift that both round (tensorflow/lite/kernels/squared_difference.cc: `left_shift` is 7, and the step is
twice the larger one). Without this, 0.3 % of the squares differ by a step, and the few variances of each image spread
this to 16 % of the outputs of a small ConvNeXt. The .onnx reads the inputs from tables of these values.
"""

from __future__ import annotations

import math

import numpy as np

from calibration.samples import Array
from export.formats.onnx.graph import Graph
from export.formats.onnx.hard_swish import SIGN, shifted_down
from export.formats.onnx.protos import GraphProto, NodeProto

SHIFT = 7
PARTS = 1 << (SHIFT - 1)  # Parts of the larger step of the inputs.


def as_the_runtime_rounds(proto: GraphProto) -> None:
    """Make the square of each difference of two 8-bit activations return the same integers as in LiteRT."""
    from onnx import TensorProto, helper

    graph = Graph(proto)
    nodes: list[NodeProto] = []
    for node in proto.node:
        sources = _sources(graph, node)
        largest = max((float(graph.value(source.input[1])) for source in sources), default=0.0)
        for position, source in enumerate(sources):
            name = f"{node.output[0]}/{position}"
            step, zero_point = (graph.value(one) for one in source.input[1:3])
            values = table(float(step), int(zero_point) - SIGN, largest) * (largest / PARTS)
            stored = graph.store(f"{name}/values", values.astype(np.float32))
            nodes.append(helper.make_node("Cast", [source.input[0]], [f"{name}/index"], to=TensorProto.INT32))
            nodes.append(helper.make_node("Gather", [stored, f"{name}/index"], [name]))
            node.input[position] = name
        nodes.append(node)
    graph.replace_nodes(nodes)


def table(step: float, zero_point: int, largest: float) -> Array:
    """Return the values of the codes -128, -127, ... 127 in parts of the step `largest`, as int64 (256,)."""
    fraction, exponent = math.frexp(step / (2 * largest))
    multiplier = math.floor(fraction * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier, exponent = multiplier // 2, exponent + 1
    codes = range(-SIGN - zero_point, SIGN - zero_point)
    products = [shifted_down((code << SHIFT) * multiplier, 31) for code in codes]
    return np.array([shifted_down(product, -exponent) for product in products])


def _sources(graph: Graph, node: NodeProto) -> list[NodeProto]:
    """Return what dequantizes the inputs of a difference that is only squared and quantized; else nothing."""
    if node.op_type != "Sub" or graph.readers[node.output[0]] != 2:
        return []
    squares = [one for one in graph.proto.node if list(one.input) == [node.output[0]] * 2]
    if [one.op_type for one in squares] != ["Mul"] or graph.readers[squares[0].output[0]] != 1:
        return []
    (reader,) = (one for one in graph.proto.node if squares[0].output[0] in one.input)
    sources = [graph.producer[name] for name in node.input if name in graph.producer]
    is_known = len(sources) == 2 and reader.op_type == "QuantizeLinear"
    if not is_known or any(source.op_type != "DequantizeLinear" for source in sources):
        return []
    return sources if all(_is_of_8_bits(graph, one) for one in (reader, *sources)) else []


def _is_of_8_bits(graph: Graph, node: NodeProto) -> bool:
    values = [graph.value(name) for name in node.input[1:3] if name in graph.stored]
    return len(values) == 2 and not values[0].ndim and values[1].dtype == np.dtype("uint8")
