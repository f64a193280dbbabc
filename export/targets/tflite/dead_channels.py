"""Channels whose weights are all but zero: their bias must survive the int8 grid.

A bias is stored in int32 steps of (input scale x weight scale). A channel of zeros has a weight scale of next to
nothing, its bias overflows, and ai-edge-quantizer then stores a bias of zero, silently. MobileNet v1's trained weights
have 21 such channels. One weight of such a channel is raised, just enough for its bias to fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from export.targets.tflite import flatbuffer

# Half of int32's range, so that rounding cannot overflow it.
LARGEST_BIAS_STEPS = 2.0**30

# Operator -> positions of (input, weights, bias) and the axis of the output channels in the weights.
_LAYERS = {
    "CONV_2D": (0, 1, 2, 0),
    "DEPTHWISE_CONV_2D": (0, 1, 2, 3),
    "FULLY_CONNECTED": (0, 1, 2, 0),
    "TRANSPOSE_CONV": (2, 1, 3, 0),
}


def revive(float_file: bytes, statistics: Mapping[str, Mapping[str, Any]]) -> bytes:
    """Return the float file with every channel's largest weight big enough for its bias.

    The weight added is at most 127 * 255 / 2^30 = 3e-5 of the bias over the input's range: far below an int8 step.
    """
    model = flatbuffer.read(float_file)
    changed = False
    for operator in model.subgraphs[0].operators:
        layer = _LAYERS.get(flatbuffer.op_name(model, operator))
        if layer is not None and len(operator.inputs) > layer[2] and operator.inputs[layer[2]] >= 0:
            changed |= _revive_layer(model, operator, layer, statistics)
    return flatbuffer.write(model) if changed else float_file


def _revive_layer(
    model: flatbuffer.Model,
    operator: Any,
    layer: tuple[int, int, int, int],
    statistics: Mapping[str, Mapping[str, Any]],
) -> bool:
    tensors = model.subgraphs[0].tensors
    source, weights, bias = (tensors[operator.inputs[position]] for position in layer[:3])
    if any(model.buffers[tensor.buffer].data is None for tensor in (weights, bias)):
        return False
    span = statistics[source.name.decode()]
    input_scale = max(float(span["max"][0]), 0.0) - min(float(span["min"][0]), 0.0)
    input_scale = max(input_scale / 255, np.finfo(np.float32).tiny)
    by_channel = np.moveaxis(flatbuffer.constant(model, weights), layer[3], 0).reshape(
        len(flatbuffer.constant(model, bias)), -1
    )
    floor = 127 * np.abs(flatbuffer.constant(model, bias)) / (input_scale * LARGEST_BIAS_STEPS)
    dead = np.abs(by_channel).max(axis=1) < floor
    if not dead.any():
        return False
    revived = flatbuffer.constant(model, weights).copy()
    view = np.moveaxis(revived, layer[3], 0)
    view[(dead, *(0,) * (revived.ndim - 1))] = floor[dead]
    model.buffers[weights.buffer].data = revived.reshape(-1).view(np.uint8)
    return True
