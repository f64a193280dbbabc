"""The share of zero weights in a .tflite."""

from __future__ import annotations

import numpy as np

from export.formats.tflite import flatbuffer
from export.formats.tflite.layers import layers


def zero_share(content: bytes) -> float:
    """Return the share of zero weights over all layers, without biases."""
    model = flatbuffer.read(content)
    zeros = total = 0
    for layer in layers(model):
        stored = flatbuffer.constant(model, layer.weights)  # Stored weights have the zero point 0.
        zeros, total = zeros + int(np.count_nonzero(stored == 0)), total + stored.size
    return zeros / total if total else 0.0
