"""Rows of a stored table by EMBEDDING_LOOKUP in place of GATHER, and back.

Both pick the rows; but ai-edge-quantizer rounds the tables of EMBEDDING_LOOKUP alone, and in a language network the
table of the words is a third of the weights and more. tf2onnx in turn reads GATHER alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from export.formats.tflite import flatbuffer

LOOKUP, GATHER = "EMBEDDING_LOOKUP", "GATHER"
TABLE_RANK = 2

# Smaller tables, as a share of all stored floats, save nothing, and the angles of rotary positions are such.
SMALLEST_SHARE = 0.01


def use(model: flatbuffer.Model) -> bool:
    """Replace every GATHER of rows of a large stored float table, in place; return whether there was one.

    EMBEDDING_LOOKUP takes a vector of numbers, so that RESHAPE operators stand around it where the indices are no
    vector.
    """
    found = False
    smallest = SMALLEST_SHARE * sum(buffer.data.size for buffer in model.buffers if buffer.data is not None)
    for graph in model.subgraphs:
        operators: list[Any] = []
        for operator in graph.operators:
            if _picks_rows(model, graph, operator, smallest):
                operators += _lookup(model, graph, operator)
                found = True
            else:
                operators.append(operator)
        graph.operators = operators
    return found


def use_like(quantized: flatbuffer.Model, reference: flatbuffer.Model) -> None:
    """Replace the GATHER operators of a float file in place if the file that was quantized from it has lookups."""
    if _has_lookups(quantized) and not _has_lookups(reference):
        use(reference)


def undo(model: flatbuffer.Model) -> None:
    """Replace every EMBEDDING_LOOKUP by a GATHER of the same rows, in place."""
    from ai_edge_litert import schema_py_generated as schema

    for graph in model.subgraphs:
        for operator in graph.operators:
            if flatbuffer.op_name(model, operator) != LOOKUP:
                continue
            indices, table = operator.inputs
            operator.opcodeIndex = flatbuffer.operator_code(model, GATHER)
            operator.inputs = [table, indices]
            operator.builtinOptionsType, operator.builtinOptions = (
                schema.BuiltinOptions.GatherOptions,
                schema.GatherOptionsT(),
            )


def _has_lookups(model: flatbuffer.Model) -> bool:
    return any(
        flatbuffer.op_name(model, operator) == LOOKUP for graph in model.subgraphs for operator in graph.operators
    )


def _picks_rows(model: flatbuffer.Model, graph: Any, operator: Any, smallest_bytes: float) -> bool:
    from ai_edge_litert import schema_py_generated as schema

    if flatbuffer.op_name(model, operator) != GATHER:
        return False
    table, indices = (graph.tensors[int(index)] for index in operator.inputs)
    options = operator.builtinOptions
    by_row = options is None or (int(options.axis or 0) == 0 and int(options.batchDims or 0) == 0)
    data = model.buffers[table.buffer].data
    is_table = flatbuffer.is_float(table) and data is not None and data.size >= smallest_bytes
    return by_row and is_table and len(table.shape) == TABLE_RANK and indices.type == schema.TensorType.INT32


def _lookup(model: flatbuffer.Model, graph: Any, operator: Any) -> list[Any]:
    """Return the operators that take the place of a GATHER."""
    table, indices = (int(index) for index in operator.inputs)
    (result,) = (int(index) for index in operator.outputs)
    before, after = [], []
    if len(graph.tensors[indices].shape) != 1:
        count, width = int(np.prod(graph.tensors[indices].shape)), int(graph.tensors[table].shape[1])
        vector = _like(graph, indices, (count,), b"vector")
        before = [_reshape(model, graph, indices, vector)]
        rows = _like(graph, result, (count, width), b"rows")
        after = [_reshape(model, graph, rows, result)]
        indices, result = vector, rows
    operator.opcodeIndex = flatbuffer.operator_code(model, LOOKUP)
    operator.inputs, operator.outputs = [indices, table], [result]
    operator.builtinOptionsType, operator.builtinOptions = 0, None
    return [*before, operator, *after]


def _like(graph: Any, index: int, shape: tuple[int, ...], suffix: bytes) -> int:
    """Add a tensor of another shape beside one that is computed, and return its index."""
    from ai_edge_litert import schema_py_generated as schema

    added = schema.TensorT()
    tensor = graph.tensors[index]
    added.type, added.buffer, added.name = tensor.type, 0, tensor.name + b"/" + suffix
    added.shape = np.asarray(shape, np.int32)
    graph.tensors.append(added)
    return len(graph.tensors) - 1


def _reshape(model: flatbuffer.Model, graph: Any, source: int, result: int) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    buffer, shape = schema.BufferT(), schema.TensorT()
    sizes = np.asarray(graph.tensors[result].shape, np.int32)
    buffer.data = sizes.view(np.uint8)
    model.buffers.append(buffer)
    shape.type, shape.buffer = schema.TensorType.INT32, len(model.buffers) - 1
    shape.name, shape.shape = graph.tensors[result].name + b"/shape", np.asarray([len(sizes)], np.int32)
    graph.tensors.append(shape)
    operator, options = schema.OperatorT(), schema.ReshapeOptionsT()
    options.newShape = sizes
    operator.opcodeIndex = flatbuffer.operator_code(model, "RESHAPE")
    operator.inputs, operator.outputs = [source, len(graph.tensors) - 1], [result]
    operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.ReshapeOptions, options
    return operator
