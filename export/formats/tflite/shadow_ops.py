"""A float .tflite in which every operator has a twin: the same inputs, but the constants of a quantized file.

What a twin gives differs from what its operator gives by that layer's weights alone: the inputs are the float ones.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from export.formats.tflite import flatbuffer, storage


def add(model: flatbuffer.Model, quantized: flatbuffer.Model, pairs: Iterable[tuple[Any, Any]]) -> Mapping[int, int]:
    """Add the twins to the float `model`, in place; return the index of the twin's output by that of the operator's.

    An operator whose constants are the same has none: its output is its twin's.

    Args:
        model: float.
        quantized: the file whose constants are taken.
        pairs: (operator of `model`, the one of `quantized` that stands for it).
    """
    subgraph, twins = model.subgraphs[0], dict[int, int]()
    partners = {id(operator): other for operator, other in pairs}
    operators = []
    for operator in subgraph.operators:
        operators.append(operator)
        other = partners.get(id(operator))
        replaced = _replaced(model, quantized, operator, other) if other is not None else {}
        if not replaced:
            continue
        twin = copy.copy(operator)
        twin.inputs = [replaced.get(place, index) for place, index in enumerate(operator.inputs)]
        twin.outputs = [_added(model, subgraph.tensors[index], b"/twin") for index in operator.outputs]
        operators.append(twin)
        twins.update(zip(operator.outputs, twin.outputs, strict=True))
    subgraph.operators = operators
    subgraph.outputs = [*subgraph.outputs, *twins.values()]  # what nobody reads has no memory
    return twins


def _replaced(model: flatbuffer.Model, quantized: flatbuffer.Model, operator: Any, other: Any) -> dict[int, int]:
    """Return new constant tensors by the position of the input that they replace."""
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
    """Add a tensor like another; buffer 0 is the empty one of activations."""
    added = copy.copy(tensor)
    added.name, added.buffer = tensor.name + suffix, buffer
    model.subgraphs[0].tensors.append(added)
    return len(model.subgraphs[0].tensors) - 1
