"""Whether a quantized .tflite holds the weights that it was made of, to the half step that rounding may cost.

Fidelity on samples cannot see one zeroed channel among thousands; this can, and it needs no samples.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.targets.session import StorageReport
from export.targets.tflite import flatbuffer

# Dead channels are raised a little on purpose (see `biases`), by far less than this share of the largest step.
SMALLEST_STEP = 1e-2

# Scales are float32, so that a large integer times its scale is only as exact as that.
FLOAT32_ROUNDING = 2.0**-22

_SEAMS = ("QUANTIZE", "DEQUANTIZE")


def compare(float_file: bytes, quantized_file: bytes) -> StorageReport:
    """Return how far the stored constants lie from the float ones, in steps of their own grid.

    float16 constants have no grid: their step is one unit in the last place of the largest exponent in use.
    """
    reference, quantized = flatbuffer.read(float_file), flatbuffer.read(quantized_file)
    expected, found = _layers(reference), _layers(quantized)
    names = [flatbuffer.op_name(reference, operator) for operator in expected]
    if names != [flatbuffer.op_name(quantized, operator) for operator in found]:
        return StorageReport(worst_steps=float("inf"), where="the order of the operators", constants=0)
    worst, where, constants = 0.0, "", 0
    for operator, other in zip(expected, found, strict=True):
        for position, (index, other_index) in enumerate(zip(operator.inputs, other.inputs, strict=True)):
            steps = _steps(reference, quantized, index, other_index)
            if steps is None:
                continue
            constants += 1
            if steps > worst:
                name = reference.subgraphs[0].tensors[operator.outputs[0]].name.decode().split(";")[0]
                worst, where = steps, f"input {position} of {name}"
    return StorageReport(worst_steps=worst, where=where, constants=constants)


def _layers(model: flatbuffer.Model) -> list[Any]:
    operators = model.subgraphs[0].operators
    return [operator for operator in operators if flatbuffer.op_name(model, operator) not in _SEAMS]


def _steps(reference: flatbuffer.Model, quantized: flatbuffer.Model, index: int, other_index: int) -> float | None:
    """Return the largest error of one float constant in steps; None if it is no float constant."""
    from ai_edge_litert import schema_py_generated as schema

    if index < 0:
        return None
    tensor = reference.subgraphs[0].tensors[index]
    if tensor.type != schema.TensorType.FLOAT32 or reference.buffers[tensor.buffer].data is None:
        return None
    expected = flatbuffer.constant(reference, tensor).astype(np.float64)
    stored = quantized.subgraphs[0].tensors[source(quantized, quantized.subgraphs[0], other_index)]
    if quantized.buffers[stored.buffer].data is None:
        return float("inf")
    values, step = real(quantized, stored)
    if values.shape != expected.shape:
        return float("inf")
    if not expected.size:
        return None
    steps = float(np.max((np.abs(values - expected) - FLOAT32_ROUNDING * np.abs(expected)) / step))
    return float("inf") if np.isnan(steps) else steps  # a NaN is never within a step


def source(model: flatbuffer.Model, subgraph: Any, index: int) -> int:
    """Return the constant behind a DEQUANTIZE, or the tensor itself."""
    for operator in subgraph.operators:
        if index in operator.outputs and flatbuffer.op_name(model, operator) == "DEQUANTIZE":
            return int(operator.inputs[0])
    return index


def real(
    model: flatbuffer.Model, tensor: Any, smallest_step: float = SMALLEST_STEP
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a constant's real values and the size of their step, both float64 and of its shape.

    A channel's step counts as at least `smallest_step` times the largest channel's.
    """
    stored = flatbuffer.constant(model, tensor)
    if np.issubdtype(stored.dtype, np.floating):
        ulp = np.maximum(np.spacing(np.abs(stored)).astype(np.float64), np.finfo(np.float64).tiny)
        return stored.astype(np.float64), ulp
    quantization = tensor.quantization
    scale = np.asarray(quantization.scale, np.float64)
    zero_point = np.asarray(quantization.zeroPoint, np.float64)
    shape = [1] * stored.ndim
    if scale.size > 1:
        shape[quantization.quantizedDimension] = scale.size
    scale, zero_point = scale.reshape(shape), zero_point.reshape(shape)
    step = np.maximum(scale, max(smallest_step * scale.max(), np.finfo(np.float64).tiny))
    return (stored.astype(np.float64) - zero_point) * scale, np.broadcast_to(step, stored.shape)
