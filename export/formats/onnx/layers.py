"""The layers of an .onnx with stored weights, in the layout of the .tflite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from export.formats.onnx import four_bits
from export.formats.onnx.constants import Constants, Numbers, attribute
from export.formats.onnx.dynamic_layers import integer_products
from export.formats.onnx.protos import NodeProto


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer.

    Attributes:
        name: name of the node.
        shape: shape of the weights with output channels first: (out, ...in), or depthwise (out, 1, height, width).
        read: returns the real weights, which are not cached because float64 needs eight times the size of the file.
        bias: real bias, one number per output channel; None without a bias.
    """

    name: str
    shape: tuple[int, ...]
    read: Callable[[], Numbers]
    bias: Numbers | None


def layers(constants: Constants, *, across_grids: bool = False) -> Iterator[Layer]:
    """Yield the layers with stored weights, in the order of the file.

    Args:
        constants: of the file.
        across_grids: whether a bias is also found behind a QuantizeLinear and a DequantizeLinear, as ONNX Runtime's
            quantizer writes them after every operator.
    """
    for product in integer_products(constants):
        bias = _bias(constants, product.last, product.shape[0])
        yield Layer(name=product.name, shape=product.shape, read=product.read, bias=bias)
    for block in four_bits.products(constants):
        bias = _bias(constants, block.node, block.shape[0])
        yield Layer(name=block.node.name, shape=block.shape, read=block.read, bias=bias)
    for node in constants.nodes:
        if node.op_type not in OUTPUTS_FIRST:
            continue
        shape = constants.shape(node.input[1])
        if shape is not None:
            turned = OUTPUTS_FIRST[node.op_type](node, np.broadcast_to(np.int8(0), shape)).shape
            read = partial(_read, constants, node)
            yield Layer(name=node.name, shape=turned, read=read, bias=_bias(constants, node, turned[0], across_grids))


def _read(constants: Constants, node: NodeProto) -> Numbers:
    weights = constants.real(node.input[1])
    assert weights is not None  # `layers` has checked the shape.
    return OUTPUTS_FIRST[node.op_type](node, weights)


def _bias(constants: Constants, node: NodeProto, channels: int, across_grids: bool = False) -> Numbers | None:
    if node.op_type in OUTPUTS_FIRST and len(node.input) > 2 and node.input[2]:
        return constants.real(node.input[2])
    result, reader = _read_next(constants, node.output[0], across_grids)
    is_reshaped = reader is not None and reader.op_type == "Reshape"  # of rows that were one matrix for the product
    if reader is not None and is_reshaped:
        target = constants.real(reader.input[1])
        if target is None or target.size == 0 or target.reshape(-1)[-1] != channels:
            return None
        result, reader = _read_next(constants, reader.output[0], across_grids)
    others = [name for name in reader.input if name != result] if reader is not None else []
    if reader is None or reader.op_type != "Add" or len(others) != 1:
        return None
    value = constants.real(others[0])
    if value is None or value.size != channels or (is_reshaped and value.shape[-1] != channels):
        return None
    return value.reshape(-1)


def _read_next(constants: Constants, result: str, across_grids: bool) -> tuple[str, NodeProto | None]:
    """Return a tensor, or the one behind its grid, and the only node that reads it; None if there are several."""
    reader = constants.reader(result)
    while across_grids and reader is not None and reader.op_type in ("QuantizeLinear", "DequantizeLinear"):
        result = reader.output[0]
        reader = constants.reader(result)
    return result, reader


def _gemm(node: NodeProto, weights: Numbers) -> Numbers:
    return weights if attribute(node, "transB", 0) else weights.T


# Operator -> function that moves the output channels of its weights first.
OUTPUTS_FIRST: dict[str, Callable[[NodeProto, Numbers], Numbers]] = {
    "Conv": lambda _node, weights: weights,
    "ConvTranspose": lambda _node, weights: weights.swapaxes(0, 1),
    "Gemm": _gemm,
    "MatMul": lambda _node, weights: weights.swapaxes(-1, 0),
}


def output_axis(node: NodeProto) -> int | None:
    """Return the axis of the output channels in the weights of a layer; None for other operators."""
    axes = {"Conv": 0, "ConvTranspose": 1, "Gemm": 0 if attribute(node, "transB", 0) else 1, "MatMul": -1}
    return axes.get(node.op_type)
