"""Add shadow operators to a float .tflite: the same inputs, but the constants of a quantized file.

The output of a shadow operator differs from the operator's only by the quantized weights, because inputs are float.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from export.formats.tflite import flatbuffer, storage


def add(model: flatbuffer.Model, quantized: flatbuffer.Model, pairs: Iterable[tuple[Any, Any]]) -> Mapping[int, int]:
    """Add shadow operators to the float `model` in place; return shadow output indices by output index.

    Operators with equal constants get no shadow operator.

    Args:
        model: the float model.
        quantized: the quantized model with the constants.
        pairs: matching operators of `model` and `quantized`.
    """
    subgraph, shadows = model.subgraphs[0], dict[int, int]()
    partners = {id(operator): other for operator, other in pairs}
    operators = []
    for operator in subgraph.operators:
        operators.append(operator)
        other = partners.get(id(operator))
        replaced = _replaced(model, quantized, operator, other) if other is not None else {}
        if not replaced:
            continue
        shadow = copy.copy(operator)
        shadow.inputs = [replaced.get(place, index) for place, index in enumerate(operator.inputs)]
        shadow.outputs = [_added(model, subgraph.tensors[index], b"/shadow") for index in operator.outputs]
        operators.append(shadow)
        shadows.update(zip(operator.outputs, shadow.outputs, strict=True))
    subgraph.operators = operators
    subgraph.outputs = [*subgraph.outputs, *shadows.values()]  # The runtime allocates no memory for unread tensors.
    return shadows


def _replaced(model: flatbuffer.Model, quantized: flatbuffer.Model, operator: Any, other: Any) -> dict[int, int]:
    """Return the indices of new constant tensors, by the position of the input that they replace."""
    from ai_edge_litert import schema_py_generated as schema

    found = {}
    tensors, others = model.subgraphs[0].tensors, quantized.subgraphs[0].tensors
    for place, (index, other_index) in enumerate(zip(operator.inputs, other.inputs, strict=False)):
        if index < 0 or other_index < 0:
            continue
        tensor = tensors[index]
        stored = others[storage.source(quantized, quantized.subgraphs[0], other_index)]
        if tensor.type != schema.TensorType.FLOAT32 or model.buffers[tensor.buffer].data is None:
            continue
        if quantized.buffers[stored.buffer].data is None:
            continue
        values, _ = storage.real(quantized, stored, smallest_step=0)
        if values.shape != flatbuffer.constant(model, tensor).shape:
            continue
        buffer = schema.BufferT()
        buffer.data = np.ascontiguousarray(values, np.float32).reshape(-1).view(np.uint8)
        model.buffers.append(buffer)
        found[place] = _added(model, tensor, b"/quantized", len(model.buffers) - 1)
    return found


def _added(model: flatbuffer.Model, tensor: Any, suffix: bytes, buffer: int = 0) -> int:
    """Add a copy of a tensor and return its index; buffer 0 is the empty buffer of activations."""
    added = copy.copy(tensor)
    added.name, added.buffer = tensor.name + suffix, buffer
    model.subgraphs[0].tensors.append(added)
    return len(model.subgraphs[0].tensors) - 1
