"""The types in which a .tflite stores its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from export.formats.session import NumberTypes, number_types_of
from export.formats.tflite import flatbuffer
from export.formats.tflite.census import MOVES


def number_types(content: bytes) -> NumberTypes:
    """Return the types of the constants and of the quantized tensors.

    Tables that an operator only picks rows from are left out: the converter may keep them in float32.

    Raises:
        ConversionError: the bytes are not a .tflite file.
    """
    model = flatbuffer.read(content)
    constants = [(_name(tensor), [int(size) for size in tensor.shape]) for tensor in _weights(model)]
    tensors = (tensor for subgraph in model.subgraphs for tensor in subgraph.tensors)
    activations = (_name(one) for one in tensors if not _is_constant(model, one) and _is_quantized(one))
    return number_types_of(constants, activations)


def _weights(model: Any) -> Iterator[Any]:
    """Yield the constants that an operator computes with."""
    for subgraph in model.subgraphs:
        readers: dict[int, set[str]] = {}
        for operator in subgraph.operators:
            for index in operator.inputs:
                readers.setdefault(int(index), set()).add(flatbuffer.op_name(model, operator))
        for index, tensor in enumerate(subgraph.tensors):
            # A half or integer constant is read by the DEQUANTIZE in front of the operator.
            moved_only = readers.get(index, {""}) <= MOVES - {"DEQUANTIZE"}
            if _is_constant(model, tensor) and tensor.shape is not None and not moved_only:
                yield tensor


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
