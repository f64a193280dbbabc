"""The layers of a .tflite that multiply by weights and add a bias: what quantization has to get right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from export.targets.tflite import flatbuffer

# Operator -> positions of (input, weights, bias) and the axis of the output channels in the weights.
_LAYERS = {
    "CONV_2D": (0, 1, 2, 0),
    "DEPTHWISE_CONV_2D": (0, 1, 2, 3),
    "FULLY_CONNECTED": (0, 1, 2, 0),
    "TRANSPOSE_CONV": (2, 1, 3, 0),
}


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer; its tensors are those of the parsed file, to be changed in place.

    Attributes:
        op: the operator's name.
        source: the tensor that it reads.
        weights: constant.
        bias: constant, one number per output channel.
        channel_axis: of the output channels in the weights.
    """

    op: str
    source: Any
    weights: Any
    bias: Any
    channel_axis: int


def layers(model: flatbuffer.Model) -> Iterator[Layer]:
    """Yield the layers that have constant weights and a constant bias, in the order of the file."""
    tensors = model.subgraphs[0].tensors
    for operator in model.subgraphs[0].operators:
        op = flatbuffer.op_name(model, operator)
        positions = _LAYERS.get(op)
        if positions is None or len(operator.inputs) <= positions[2] or operator.inputs[positions[2]] < 0:
            continue
        source, weights, bias = (tensors[operator.inputs[position]] for position in positions[:3])
        if all(model.buffers[tensor.buffer].data is not None for tensor in (weights, bias)):
            yield Layer(op=op, source=source, weights=weights, bias=bias, channel_axis=positions[3])
