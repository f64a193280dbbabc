"""Tables of embeddings in float16, which ai-edge-quantizer leaves in float32.

GATHER picks rows of the stored float16 numbers, and DEQUANTIZE turns these rows alone into float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from export.errors import ConversionError
from export.formats.tflite import flatbuffer

SMALLEST = 256  # Smaller tables, in numbers, save nothing.
GATHER, TABLE = "GATHER", 0  # and the place of the table among the inputs of GATHER


def halve(model: flatbuffer.Model) -> None:
    """Store the float32 tables that GATHER alone reads as float16, in place; one that several functions read once.

    Raises:
        ConversionError: a number of a table exceeds 65504, the largest float16.
    """
    halves = _stored(model)
    for graph in model.subgraphs:
        tables = _tables(model, graph)
        for index in tables:
            _store(model, graph.tensors[index], halves)
        operators: list[Any] = []
        for operator in graph.operators:
            operators.append(operator)
            if flatbuffer.op_name(model, operator) == GATHER and int(operator.inputs[TABLE]) in tables:
                operators.append(_rows_in_float32(model, graph, operator))
        graph.operators = operators
    _forget_unread(model)


def _stored(model: flatbuffer.Model) -> dict[bytes, int]:
    """Return the buffers of the float16 constants by their content: a table that is also the head is among them."""
    from ai_edge_litert import schema_py_generated as schema

    return {
        model.buffers[tensor.buffer].data.tobytes(): tensor.buffer
        for graph in model.subgraphs
        for tensor in graph.tensors
        if tensor.type == schema.TensorType.FLOAT16 and model.buffers[tensor.buffer].data is not None
    }


def _tables(model: flatbuffer.Model, graph: Any) -> set[int]:
    """Return the large float32 constants that nothing but GATHER reads."""
    from ai_edge_litert import schema_py_generated as schema

    others = {int(index) for index in graph.outputs}
    found = set()
    for operator in graph.operators:
        inputs = [int(index) for index in operator.inputs]
        if flatbuffer.op_name(model, operator) == GATHER:
            found.add(inputs.pop(TABLE))
        others.update(inputs)
    return {
        index
        for index in found - others
        if graph.tensors[index].type == schema.TensorType.FLOAT32
        and model.buffers[graph.tensors[index].buffer].data is not None
        and np.prod(graph.tensors[index].shape) >= SMALLEST
    }


def _store(model: flatbuffer.Model, table: Any, halves: dict[bytes, int]) -> None:
    """Let a table have numbers of float16; `halves` knows the buffers by their content."""
    from ai_edge_litert import schema_py_generated as schema

    half = _half(flatbuffer.constant(model, table), table.name).tobytes()
    if half not in halves:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(half, np.uint8)
        model.buffers.append(buffer)
        halves[half] = len(model.buffers) - 1
    table.type, table.buffer = schema.TensorType.FLOAT16, halves[half]


def _rows_in_float32(model: flatbuffer.Model, graph: Any, gather: Any) -> Any:
    """Let a GATHER give rows of float16, and return the operator that turns them into its former result."""
    from ai_edge_litert import schema_py_generated as schema

    (result,) = (int(index) for index in gather.outputs)
    rows, like = schema.TensorT(), graph.tensors[result]
    rows.type, rows.buffer, rows.name = schema.TensorType.FLOAT16, 0, like.name + b"/half"
    rows.shape, rows.shapeSignature = like.shape, like.shapeSignature
    graph.tensors.append(rows)
    gather.outputs = [len(graph.tensors) - 1]
    dequantize = schema.OperatorT()
    dequantize.opcodeIndex = flatbuffer.operator_code(model, "DEQUANTIZE")
    dequantize.inputs, dequantize.outputs = [len(graph.tensors) - 1], [result]
    return dequantize


def _forget_unread(model: flatbuffer.Model) -> None:
    """Remove the content of buffers that no tensor has."""
    read = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    read |= {entry.buffer for entry in model.metadata or []}
    for index, buffer in enumerate(model.buffers):
        if index not in read:
            buffer.data = None


def _half(values: Any, name: bytes) -> Any:
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    if not np.isfinite(half).all():
        raise ConversionError(
            f"the table {name.decode(errors='replace')!r} reaches {np.abs(values).max():g}, but the largest float16 is "
            "65504; choose another precision"
        )
    return half
