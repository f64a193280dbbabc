"""The types in which a .tflite stores its numbers."""

from __future__ import annotations

from typing import Any

from export.formats.session import NumberTypes, are_weights
from export.formats.tflite import flatbuffer


def number_types(content: bytes) -> NumberTypes:
    """Return the types of the constants and of the quantized tensors.

    Raises:
        ConversionError: the bytes are not a .tflite file.
    """
    model = flatbuffer.read(content)
    weights, activations = set(), set()
    for subgraph in model.subgraphs:
        for tensor in subgraph.tensors:
            if _is_constant(model, tensor):
                if tensor.shape is not None and are_weights([int(size) for size in tensor.shape]):
                    weights.add(_name(tensor))
            elif _is_quantized(tensor):
                activations.add(_name(tensor))
    return NumberTypes(weights=frozenset(weights), activations=frozenset(activations))


def _is_constant(model: Any, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _is_quantized(tensor: Any) -> bool:
    scales = tensor.quantization.scale if tensor.quantization is not None else None
    return scales is not None and len(scales) > 0


def _name(tensor: Any) -> str:
    from ai_edge_litert import schema_py_generated as schema

    kinds = {number: name for name, number in vars(schema.TensorType).items() if not name.startswith("_")}
    return str(kinds[tensor.type]).lower()
