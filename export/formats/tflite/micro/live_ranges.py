"""From which operator to which one every tensor of a graph exists, as TensorFlow Lite Micro counts it."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from export.errors import ConversionError
from export.formats.tflite import flatbuffer
from export.formats.tflite.micro.kernels import scratch_bytes
from export.formats.tflite.micro.planner import Buffer

SIZES_BYTES = {
    "BOOL": 1,
    "INT8": 1,
    "UINT8": 1,
    "INT16": 2,
    "FLOAT16": 2,
    "INT32": 4,
    "FLOAT32": 4,
    "INT64": 8,
    "FLOAT64": 8,
}


def buffers(model: flatbuffer.Model, graph: Any) -> tuple[Buffer, ...]:
    """Return the tensors that are no constants, in the order of the file, and behind them the scratch buffers.

    Raises:
        ConversionError: a tensor has numbers of a type that has no size, such as texts.
    """
    ranges = _ranges(graph)
    tensors = (
        Buffer(size_bytes=size, first=first, last=last)
        for tensor, (first, last) in zip(graph.tensors, ranges, strict=True)
        if not is_constant(model, tensor) and not tensor.isVariable and (size := size_bytes(tensor))
    )
    return (*tensors, *_scratch(model, graph))


def is_constant(model: flatbuffer.Model, tensor: Any) -> bool:
    """Return whether the file holds the values of a tensor."""
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def size_bytes(tensor: Any) -> int:
    """Return the size of a tensor.

    Raises:
        ConversionError: its type has none.
    """
    kind = flatbuffer.type_name(tensor)
    if kind not in SIZES_BYTES:
        raise ConversionError(f"the tensor {tensor.name.decode(errors='replace')!r} has the type {kind}")
    return SIZES_BYTES[kind] * prod(() if tensor.shape is None else (int(size) for size in tensor.shape))


def _ranges(graph: Any) -> list[tuple[int, int]]:
    """Return the first and the last step of every tensor; step 0 is before the first operator."""
    first, last = ([-1] * len(graph.tensors) for _ in range(2))
    for index in map(int, (*graph.inputs, *graph.outputs)):
        first[index] = last[index] = 0
    for step, operator in enumerate(graph.operators, 1):
        for index in map(int, operator.outputs):
            first[index] = last[index] = step
        for index in map(int, operator.inputs):
            if index >= 0:
                last[index] = step
    for index in map(int, graph.outputs):
        last[index] = len(graph.operators)
    return list(zip(first, last, strict=True))


def _scratch(model: flatbuffer.Model, graph: Any) -> Iterator[Buffer]:
    for step, operator in enumerate(graph.operators, 1):
        for size in scratch_bytes(flatbuffer.op_name(model, operator), graph, operator):
            yield Buffer(size_bytes=size, first=step, last=step)
