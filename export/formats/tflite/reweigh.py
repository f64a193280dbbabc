"""Replace weights in a float file, so that a pass that only changes weights needs no second conversion.

Layers are located by their values, because the converter folds and renames layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats.tflite import flatbuffer
from export.formats.tflite.layers import OPERATORS, Layer, layers

# Tolerance relative to the largest weight, for float32 rounding of a folded batch norm.
SAME = 1e-5

Weights = tuple[Array, Array]  # Kernel and bias in the layout of Keras.


def reweighed(content: bytes, before: Mapping[str, Weights], after: Mapping[str, Weights]) -> bytes | None:
    """Return the file with the weights `before` replaced by `after`; None if a layer cannot be located with certainty.

    Args:
        content: a float32 file.
        before: kernel and bias of each changed layer by name, as stored in the file.
        after: new kernels and biases of the same shapes.
    """
    model = flatbuffer.read(content)
    open_layers = list(layers(model))
    chosen: list[tuple[Layer, str]] = []
    for name, weights in before.items():
        found = [layer for layer in open_layers if _holds(model, layer, weights)]
        if len(found) != 1:
            return None
        chosen.append((found[0], name))
        open_layers.remove(found[0])
    if len(chosen) != _count(model):  # Others may be second calls of a layer, with weights scaled by the converter.
        return None
    buffers = [tensor.buffer for layer, _ in chosen for tensor in (layer.weights, layer.bias)]
    if any(_readers(model, buffer) > 1 for buffer in buffers):
        return None
    for layer, name in chosen:
        for tensor, values in zip((layer.weights, layer.bias), after[name], strict=True):
            stored = _laid_out(layer, values).reshape(-1).astype(np.float32)
            model.buffers[tensor.buffer].data = stored.view(np.uint8)
    return flatbuffer.write(model)


def _holds(model: flatbuffer.Model, layer: Layer, weights: Weights) -> bool:
    for tensor, values in zip((layer.weights, layer.bias), weights, strict=True):
        if int(np.prod(tensor.shape)) != values.size:
            return False
        expected = _laid_out(layer, values)
        if expected.ndim > 1 and tuple(expected.shape) != tuple(tensor.shape):
            return False
        stored = flatbuffer.constant(model, tensor).reshape(expected.shape)
        room = SAME * float(np.abs(expected).max())
        # The first channel rules out most layers.
        if np.abs(stored[:1] - expected[:1]).max() > room or np.abs(stored - expected).max() > room:
            return False
    return True


def _laid_out(layer: Layer, values: Array) -> Any:
    """Return a Keras kernel in the layout of the operator; a bias stays unchanged."""
    if values.ndim == 1:
        return values
    if layer.op == "DEPTHWISE_CONV_2D":
        return values.reshape(1, *values.shape[:2], -1) if values.ndim == 4 else values[None]
    if layer.op == "TRANSPOSE_CONV":
        return values.transpose(2, 0, 1, 3)  # (height, width, outputs, inputs)
    return values.transpose(3, 0, 1, 2) if values.ndim == 4 else values.T


def _count(model: flatbuffer.Model) -> int:
    return sum(
        flatbuffer.op_name(model, operator) in OPERATORS
        for subgraph in model.subgraphs
        for operator in subgraph.operators
    )


def _readers(model: flatbuffer.Model, buffer: int) -> int:
    """Return the number of operator inputs with that buffer, which equal constants share."""
    return sum(
        index >= 0 and subgraph.tensors[index].buffer == buffer
        for subgraph in model.subgraphs
        for operator in subgraph.operators
        for index in operator.inputs
    )
