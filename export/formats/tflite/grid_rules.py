"""The rules that LiteRT's specification sets for the grids of an integer file, which its kernels take for granted.

A kernel adds the stored bias to sums of products, whatever scale the file declares for it; the other rules are of the
same kind: outputs on samples show a violation only if it is large.

Source: LiteRT 8-bit quantization specification (ai.google.dev/edge/litert/models/quantization_spec).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.formats.tflite import flatbuffer
from export.formats.tflite.dissect import stored_as
from export.formats.tflite.layers import Layer, weighing

# float32 rounds a product of two scales by 2^-24, and the quantizer computes some of them in float32.
SAME = 1e-5

# Operators whose outputs have the scale and zero point of their input.
MOVES = frozenset(
    {"GATHER", "MAX_POOL_2D", "PAD", "RESHAPE", "SLICE", "SPLIT", "SQUEEZE", "STRIDED_SLICE", "TRANSPOSE"}
)

# Output grids that the kernels are written for: (scale, zero point) for int8 and int16.
FIXED = {
    "LOGISTIC": ((1 / 256, -128), (1 / 32768, 0)),
    "SOFTMAX": ((1 / 256, -128), (1 / 32768, 0)),
    "TANH": ((1 / 128, 0), (1 / 32768, 0)),
}


def violations(model: flatbuffer.Model, least_steps: float = 0.0) -> Iterator[str]:
    """Yield a sentence for every violated rule in the main graph of a parsed file.

    Args:
        model: the file.
        least_steps: the effect on a layer's output, in steps of 16 bits, up to which a wrong bias is no violation.
    """
    yield from _biases(model, least_steps)
    tensors = model.subgraphs[0].tensors
    for operator in model.subgraphs[0].operators:
        name = flatbuffer.op_name(model, operator)
        result = _grid(tensors[operator.outputs[0]])
        place = tensors[operator.outputs[0]].name.decode().split(";")[0]
        if result is None:
            continue
        if name in MOVES:
            sources = (_grid(tensors[index]) for index in operator.inputs if index >= 0)
            source = next((grid for grid in sources if grid is not None), result)
            if not _are_equal(source, result):
                yield f"the grid of the output differs from the input's, {name} {place}"
        if name in FIXED and not any(_are_equal(grid, result) for grid in FIXED[name]):
            yield f"the output has the scale {result[0]:.4g} and the zero point {result[1]}, {name} {place}"


def _biases(model: flatbuffer.Model, least_steps: float) -> Iterator[str]:
    """Yield the layers whose bias is not in steps of the input's scale times the weights' scales."""
    for layer in weighing(model):
        source, weights = layer.source.quantization, layer.weights.quantization
        place = f"{layer.op} {layer.weights.name.decode().split(';')[0]}"
        if weights is not None and weights.zeroPoint is not None and np.any(weights.zeroPoint):
            yield f"the weights have a zero point other than 0, {place}"
        if layer.bias is None or flatbuffer.is_float(layer.bias) or not flatbuffer.constant(model, layer.bias).any():
            continue  # zeros are zeros in steps of any size
        if any(one is None or one.scale is None for one in (source, weights, layer.bias.quantization)):
            yield f"the bias is an integer, but the input, the weights or the bias have no scale, {place}"
            continue
        expected = np.float64(source.scale[0]) * np.asarray(weights.scale, np.float64)
        found = np.asarray(layer.bias.quantization.scale, np.float64)
        if (
            not np.allclose(found, expected, rtol=SAME, atol=0)
            and _effect(model, layer, found - expected) > least_steps
        ):
            ratio = float(np.max(found / expected))
            yield f"the bias has {ratio:.3g} times the scale of the products that it is added to, {place}"


def _effect(model: flatbuffer.Model, layer: Layer, error: NDArray[np.float64]) -> float:
    """Return what a wrong scale of the bias changes in the output, in steps of 16 bits; infinite for other types."""
    graph = model.subgraphs[0]
    output = graph.tensors[graph.operators[layer.position].outputs[0]]
    if flatbuffer.is_float(output) or stored_as(output).dtype != "int16":
        return float("inf")
    stored = flatbuffer.constant(model, layer.bias).astype(np.float64)
    return float(np.abs(stored * error).max(initial=0) / float(output.quantization.scale[0]))


def _grid(tensor: Any) -> tuple[float, int] | None:
    quantization = tensor.quantization
    if quantization is None or quantization.scale is None or len(quantization.scale) != 1:
        return None
    return float(quantization.scale[0]), int(quantization.zeroPoint[0])


def _are_equal(one: tuple[float, int], other: tuple[float, int]) -> bool:
    return one[1] == other[1] and bool(np.isclose(one[0], other[0], rtol=SAME, atol=0))
