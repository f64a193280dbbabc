"""The share of zero weights in an .onnx."""

from __future__ import annotations

import numpy as np
import onnx

from export.formats.onnx.constants import Constants
from export.formats.onnx.layers import layers


def zero_share(content: bytes) -> float:
    """Return the share of zero weights over all layers, without biases."""
    zeros = total = 0
    for layer in layers(Constants(onnx.load_model_from_string(content).graph)):
        weights = layer.read()
        zeros, total = zeros + int(np.count_nonzero(weights == 0)), total + weights.size
    return zeros / total if total else 0.0
