"""How many of a .tflite's weights are zero."""

from __future__ import annotations

import numpy as np

from export.formats.tflite import flatbuffer
from export.formats.tflite.layers import layers


def zero_share(content: bytes) -> float:
    """Return the share of all layers' weights, without biases, that stand for zero."""
    model = flatbuffer.read(content)
    zeros = total = 0
    for layer in layers(model):
        stored = flatbuffer.constant(model, layer.weights)  # integers of weights have the zero point 0
        zeros, total = zeros + int(np.count_nonzero(stored == 0)), total + stored.size
    return zeros / total if total else 0.0
