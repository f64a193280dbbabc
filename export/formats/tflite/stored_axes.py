"""Where the layers of a .tflite store weights and bias, and how the axes of the weights are ordered."""

from __future__ import annotations

# Operator -> positions of weights and bias, and the axes of the weights in the order (out, ...in) of ONNX.
LAYERS = {
    "CONV_2D": (1, 2, (0, 3, 1, 2)),
    "CONV_3D": (1, 2, (4, 3, 0, 1, 2)),
    "DEPTHWISE_CONV_2D": (1, 2, (3, 0, 1, 2)),
    "FULLY_CONNECTED": (1, 2, (0, 1)),
    "TRANSPOSE_CONV": (1, 3, (0, 3, 1, 2)),
}
