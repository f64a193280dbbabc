"""Preserve biases during quantization, also in channels whose weights are almost zero.

A bias is stored in steps of (input scale x weight scale). A channel of zeros has a tiny weight scale, so its bias
overflows int32, and ai-edge-quantizer silently stores a zero bias: MobileNet v1's trained weights have 21 such
channels. Therefore one weight of such a channel is increased before quantization, just enough for its bias to fit. The
int64 biases of 16-bit activations, which the quantizer also clips to int32, are rewritten after quantization.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from calibration.ranges import Range
from export.formats.tflite import flatbuffer
from export.formats.tflite.layers import Layer, layers
from export.recipe import Width
from export.scheme import INT8, W8A16, Scheme

# Per precision: steps of the input's range, and the largest bias in steps. int32 accumulators leave a bit to rounding.
# LiteRT's 16-bit kernels rescale accumulators of up to 48 bits, but a factor below 2^-32 counts as zero: with it a bias
# of 2^34 steps is lost if it is less than 4 steps of the output.
_INPUT_STEPS = {INT8: 255, W8A16: 65535}
_LARGEST_BIAS = {INT8: 2.0**30, W8A16: 2.0**34}


# ai-edge-quantizer takes no narrower range than 1e-9; narrower ones would be stored with another zero point.
SMALLEST_REACH = 1e-8


def revive(
    model: flatbuffer.Model,
    statistics: Mapping[str, Mapping[str, Any]],
    scheme: Scheme,
    widths: Mapping[int, Width],
) -> bool:
    """Increase the largest weight of channels whose bias would not fit, in place; return whether any was changed.

    For the largest input, the change adds 127 * 255 / 2^30 = 3e-5 of the bias: far less than an int8 step. With 16-bit
    activations it adds 127 * 32767 / 2^34 = 2e-4, at most 8 of 65535 steps.

    Args:
        model: the float file to quantize.
        statistics: "min" and "max" of every activation, by name.
        scheme: precision of the layers that are not in `widths`.
        widths: widths of the operators in higher precision, by position; float biases need no change.
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
    """Return the minimum for the largest weight of each channel (channels,) that lets its bias fit.

    Args:
        bias: the biases (channels,).
        step: step size of the layer's input.
        arithmetic: int8 or w8a16.
    """
    return 127 * np.abs(bias) / (step * _LARGEST_BIAS[arithmetic])


def widened(model: flatbuffer.Model, ranges: Mapping[int, Range]) -> dict[int, Range]:
    """Return the ranges of activations by index, so wide that the biases of layers that read them fit.

    An input that is almost zero on all samples has a step so small that the bias exceeds int32. With the widened range,
    the largest input times the largest weight is 3e-5 of the bias, so what the input loses has no effect.
    """
    indices = {id(tensor): index for index, tensor in enumerate(model.subgraphs[0].tensors)}
    found = {index: _at_least(one, SMALLEST_REACH) for index, one in ranges.items()}
    for layer in layers(model):
        index = indices[id(layer.source)]
        largest = float(np.abs(flatbuffer.constant(model, layer.weights)).max(initial=0))
        if index in found and largest > 0:
            bias = float(np.abs(flatbuffer.constant(model, layer.bias)).max(initial=0))
            step = 127 * bias / (largest * _LARGEST_BIAS[INT8])
            found[index] = _at_least(found[index], step * _INPUT_STEPS[INT8])
    return found


def _at_least(one: Range, reach: float) -> Range:
    low, high = min(one[0], 0.0), max(one[1], 0.0)
    return one if high - low >= reach else (low, low + reach)


def restore(model: flatbuffer.Model, reference: flatbuffer.Model) -> None:
    """Rewrite every int64 bias of a quantized model from the float file."""
    for layer, original in zip(layers(model), layers(reference), strict=True):
        if flatbuffer.constant(model, layer.bias).dtype != np.int64:
            continue
        scale = np.float64(layer.source.quantization.scale[0]) * np.float64(layer.weights.quantization.scale)
        steps = np.rint(flatbuffer.constant(reference, original.bias).astype(np.float64) / scale)
        model.buffers[layer.bias.buffer].data = steps.astype(np.int64).view(np.uint8)


def first_weights(weights: Any, layer: Layer) -> Any:
    """Return a view of the weight of each channel that may be increased, (channels,)."""
    return np.moveaxis(weights, layer.channel_axis, 0)[(slice(None), *(0,) * (weights.ndim - 1))]


def _raise(model: flatbuffer.Model, layer: Layer, floor: Any) -> bool:
    """Set one weight of every channel below `floor` (channels,) to it; return whether any was changed."""
    weights = flatbuffer.constant(model, layer.weights)
    channels = np.moveaxis(weights, layer.channel_axis, 0).reshape(len(floor), -1)
    low = np.abs(channels).max(axis=1) < floor
    if low.any():
        raised = weights.copy()
        first_weights(raised, layer)[low] = floor[low]
        model.buffers[layer.weights.buffer].data = raised.reshape(-1).view(np.uint8)
    return bool(low.any())
