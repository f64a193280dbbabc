"""The layers of a .tflite with weights, most of them with a bias."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from export.formats.tflite import flatbuffer

# Operator -> positions of (input, weights, bias) and the axis of the output channels in the weights.
_LAYERS = {
    "CONV_2D": (0, 1, 2, 0),
    "DEPTHWISE_CONV_2D": (0, 1, 2, 3),
    "FULLY_CONNECTED": (0, 1, 2, 0),
    "TRANSPOSE_CONV": (2, 1, 3, 0),
}
OPERATORS = frozenset(_LAYERS)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer, with the mutable tensors of the parsed file.

    Attributes:
        position: position of the operator in the file.
        op: name of the operator.
        source: input tensor.
        weights: constant weights as stored, before a DEQUANTIZE if there is one.
        bias: constant bias, one number per output channel; None if the operator has none.
        channel_axis: axis of the output channels in the weights.
    """

    position: int
    op: str
    source: Any
    weights: Any
    bias: Any
    channel_axis: int


def layers(model: flatbuffer.Model) -> Iterator[Layer]:
    """Yield the layers with constant weights and a constant bias, in the order of the file."""
    yield from (layer for layer in weighing(model) if layer.bias is not None)


def weighing(model: flatbuffer.Model) -> Iterator[Layer]:
    """Yield the layers with constant weights and a constant bias or none, in the order of the file."""
    tensors, operators = model.subgraphs[0].tensors, model.subgraphs[0].operators
    names = [flatbuffer.op_name(model, operator) for operator in operators]
    stored = {
        operator.outputs[0]: operator.inputs[0]
        for name, operator in zip(names, operators, strict=True)
        if name == "DEQUANTIZE"
    }
    for position, (op, operator) in enumerate(zip(names, operators, strict=True)):
        if op not in _LAYERS:
            continue
        *places, channel_axis = _LAYERS[op]
        source, weights, bias = (operator.inputs[place] if place < len(operator.inputs) else -1 for place in places)
        weights = stored.get(weights, weights)
        if all(model.buffers[tensors[index].buffer].data is not None for index in (weights, bias) if index >= 0):
            yield Layer(
                position=position,
                op=op,
                source=tensors[source],
                weights=tensors[weights],
                bias=tensors[bias] if bias >= 0 else None,
                channel_axis=channel_axis,
            )
