"""Declare the version of operators that older runtimes would compute wrongly.

A runtime refuses operators of a version that it does not know. The quantizer leaves the versions of the float file, and
tflite-runtime 2.14, the last one for 32-bit Arm, then applies one scale to weights with a scale for each channel: every
input gives the same output. TensorFlow's converter declares version 12 for them (tensorflow/lite/tools/versioning).
"""

from __future__ import annotations

from export.formats.tflite import flatbuffer

DENSE, DENSE_WITH_SCALE_PER_CHANNEL = "FULLY_CONNECTED", 12


def declare(model: flatbuffer.Model) -> None:
    """Declare the version of dense layers with float inputs and a scale for each channel, in place."""
    for graph in model.subgraphs:
        for operator in graph.operators:
            if flatbuffer.op_name(model, operator) != DENSE:
                continue
            source, weights = (graph.tensors[int(index)] for index in operator.inputs[:2])
            grid = weights.quantization
            if flatbuffer.is_float(source) and grid is not None and grid.scale is not None and len(grid.scale) > 1:
                code = model.operatorCodes[operator.opcodeIndex]
                code.version = max(code.version, DENSE_WITH_SCALE_PER_CHANNEL)
