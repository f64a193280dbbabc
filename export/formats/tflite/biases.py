"""Biases survive quantization, also those of channels whose weights are all but zero.

A bias is stored in steps of (input scale x weight scale). A channel of zeros has a weight scale of next to nothing, its
bias overflows int32, and ai-edge-quantizer then stores a bias of nothing, silently: MobileNet v1's trained weights have
21 such channels. So one weight of such a channel is raised before, just enough for its bias to fit; and the int64
biases of 16-bit activations, which the quantizer clips to int32 as well, are written anew after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from export.formats.tflite import flatbuffer
from export.formats.tflite.layers import Layer, layers
from export.recipe import Width
from export.scheme import INT8, W8A16, Scheme

# Per precision: steps of the input's range, and the largest bias in steps. int32 accumulators leave a bit to rounding;
# LiteRT's 16-bit kernels rescale accumulators of up to 48 bits.
_INPUT_STEPS = {INT8: 255, W8A16: 65535}
_LARGEST_BIAS = {INT8: 2.0**30, W8A16: 2.0**45}


def revive(
    model: flatbuffer.Model,
    statistics: Mapping[str, Mapping[str, Any]],
    scheme: Scheme,
    widths: Mapping[int, Width],
) -> bool:
    """Make every channel's largest weight big enough for its bias, in place; return whether one was changed.

    What is added answers to the largest input with 127 * 255 / 2^30 = 3e-5 of the bias: far below an int8 step.

    Args:
        model: the float file that is to be quantized.
        statistics: "min" and "max" of every activation, by name.
        scheme: of the layers that are not in `widths`.
        widths: of the raised operators, by position; a float bias needs nothing.
    """
    changed = False
    for layer in layers(model):
        width = widths.get(layer.position)
        if width not in (None, Width.INT16):
            continue
        arithmetic = W8A16 if width is Width.INT16 else scheme
        span = statistics[layer.source.name.decode()]
        reach = max(float(span["max"][0]), 0.0) - min(float(span["min"][0]), 0.0)
        step = max(reach / _INPUT_STEPS[arithmetic], float(np.finfo(np.float32).tiny))
        bias = flatbuffer.constant(model, layer.bias)
        changed |= _raise(model, layer, smallest_weight(bias, step, arithmetic))
    return changed


def smallest_weight(bias: Any, step: float, arithmetic: Scheme) -> Any:
    """Return how large the largest weight of a channel must be for its bias to fit, (channels,).

    Args:
        bias: (channels,).
        step: of the layer's input.
        arithmetic: int8 or w8a16.
    """
    return 127 * np.abs(bias) / (step * _LARGEST_BIAS[arithmetic])


def restore(model: flatbuffer.Model, reference: flatbuffer.Model) -> None:
    """Write every int64 bias of a quantized model anew from the float file's."""
    for layer, original in zip(layers(model), layers(reference), strict=True):
        if flatbuffer.constant(model, layer.bias).dtype != np.int64:
            continue
        scale = np.float64(layer.source.quantization.scale[0]) * np.float64(layer.weights.quantization.scale)
        steps = np.rint(flatbuffer.constant(reference, original.bias).astype(np.float64) / scale)
        model.buffers[layer.bias.buffer].data = steps.astype(np.int64).view(np.uint8)


def first_weights(weights: Any, layer: Layer) -> Any:
    """Return a view of the weight of each channel that may be raised, (channels,)."""
    return np.moveaxis(weights, layer.channel_axis, 0)[(slice(None), *(0,) * (weights.ndim - 1))]


def _raise(model: flatbuffer.Model, layer: Layer, floor: Any) -> bool:
    """Set one weight of every channel that stays below `floor` (channels,) to it; return whether there was one."""
    weights = flatbuffer.constant(model, layer.weights)
    channels = np.moveaxis(weights, layer.channel_axis, 0).reshape(len(floor), -1)
    low = np.abs(channels).max(axis=1) < floor
    if low.any():
        raised = weights.copy()
        first_weights(raised, layer)[low] = floor[low]
        model.buffers[layer.weights.buffer].data = raised.reshape(-1).view(np.uint8)
    return bool(low.any())
