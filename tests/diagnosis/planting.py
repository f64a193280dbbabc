"""Damage one layer of an int8 file: a channel of zeros, a wrong scale of the weights, a zero point at the other end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from export.formats.onnx.protos import NodeProto
from export.formats.tflite import flatbuffer
from export.formats.tflite.layers import layers

FACTOR = 2.0

# A fault of a layer, known by its position among the layers with weights; given and returned: a file.
Fault = Callable[[bytes, int], bytes]


def zero_channel_tflite(content: bytes, place: int) -> bytes:
    model = flatbuffer.read(content)
    layer = list(layers(model))[place]
    weights = flatbuffer.constant(model, layer.weights).copy()
    channels = np.moveaxis(weights, layer.channel_axis, 0)
    channels[_loudest(channels, np.asarray(layer.weights.quantization.scale))] = 0
    model.buffers[layer.weights.buffer].data = weights.reshape(-1).view(np.uint8)
    return flatbuffer.write(model)


def weight_scale_tflite(content: bytes, place: int) -> bytes:
    model = flatbuffer.read(content)
    layer = list(layers(model))[place]
    layer.weights.quantization.scale = np.asarray(layer.weights.quantization.scale, np.float32) * np.float32(FACTOR)
    return flatbuffer.write(model)


def zero_point_tflite(content: bytes, place: int) -> bytes:
    """Move the zero point of the layer's output to the other end, and that of operators that only move its values."""
    model = flatbuffer.read(content)
    operators, tensors = model.subgraphs[0].operators, model.subgraphs[0].tensors
    moved = {operators[list(layers(model))[place].position].outputs[0]}
    for operator in operators:
        if operator.inputs[0] in moved and flatbuffer.op_name(model, operator) in ("RESHAPE", "MAX_POOL_2D"):
            moved.add(operator.outputs[0])
    for index in moved:
        quantization = tensors[index].quantization
        quantization.zeroPoint = [127 if int(quantization.zeroPoint[0]) < 0 else -128]
    return flatbuffer.write(model)


def _loudest(channels: Any, scale: Any) -> int:
    rows = channels.reshape(len(channels), -1).astype(np.float64) * scale.reshape(-1, 1)
    return int(np.square(rows).sum(axis=1).argmax())


class _Onnx:
    """A parsed .onnx whose layers with weights are numbered in the order of the file."""

    def __init__(self, content: bytes, place: int) -> None:
        import onnx

        self.proto: Any = onnx.load_from_string(content)
        self.nodes = self.proto.graph.node
        self.node = [node for node in self.nodes if node.op_type in ("Conv", "Gemm", "MatMul")][place]
        (self.dequantize,) = (node for node in self.nodes if node.output[0] == self.node.input[1])

    def values(self, name: str) -> Any:
        from onnx import numpy_helper

        (tensor,) = (tensor for tensor in self.proto.graph.initializer if tensor.name == name)
        return np.array(numpy_helper.to_array(tensor))

    def give(self, node: NodeProto, position: int, values: Any) -> None:
        """Give a node a constant of its own: equal ones are shared."""
        from onnx import numpy_helper

        name = f"{node.output[0]}/planted{position}"
        self.proto.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        node.input[position] = name

    def content(self) -> bytes:
        return bytes(self.proto.SerializeToString())


def zero_channel_onnx(content: bytes, place: int) -> bytes:
    file = _Onnx(content, place)
    weights, scale, zero = (file.values(name) for name in file.dequantize.input[:3])
    axis = 0 if file.node.op_type == "Conv" else 1
    channels = np.moveaxis(weights, axis, 0)
    zeros = np.broadcast_to(zero, len(channels))
    loudest = _loudest(channels.astype(np.int16) - zeros.reshape(-1, *[1] * (channels.ndim - 1)), scale)
    channels[loudest] = zeros[loudest]
    file.give(file.dequantize, 0, weights)
    return file.content()


def weight_scale_onnx(content: bytes, place: int) -> bytes:
    file = _Onnx(content, place)
    file.give(file.dequantize, 1, file.values(file.dequantize.input[1]) * np.float32(FACTOR))
    return file.content()


def zero_point_onnx(content: bytes, place: int) -> bytes:
    file = _Onnx(content, place)
    (quantize,) = (node for node in file.nodes if file.node.output[0] in node.input)
    moved, spoiled = {quantize.output[0]}, [quantize]
    for node in file.nodes:
        if node.input[0] in moved and node.op_type == "Reshape":
            moved.add(node.output[0])
        elif node.input[0] in moved and node.op_type == "DequantizeLinear":
            spoiled.append(node)
    for node in spoiled:
        zero = file.values(node.input[2])
        file.give(node, 2, np.asarray(255 if int(zero) < 128 else 0, zero.dtype))
    return file.content()


FAULTS: dict[str, dict[str, Fault]] = {
    "a channel of zeros": {"tflite": zero_channel_tflite, "onnx": zero_channel_onnx},
    "weights twice as large": {"tflite": weight_scale_tflite, "onnx": weight_scale_onnx},
    "a zero point at the other end": {"tflite": zero_point_tflite, "onnx": zero_point_onnx},
}
