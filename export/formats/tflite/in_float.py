"""Turn a quantized .tflite into a file with the same operators that stores and computes float32."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats.tflite import flatbuffer, storage
from export.formats.tflite.steps import SEAMS


def in_float(model: flatbuffer.Model, replaced: Mapping[int, Array], shown: Collection[str]) -> bytes:
    """Return the float form of a parsed file of one graph, which is changed in place.

    Args:
        model: the file, whose tensors have unique names.
        replaced: real values to store in place of constants, by the index of the tensor.
        shown: names of tensors that become outputs, too.
    """
    graph = model.subgraphs[0]
    _read_constants(model, graph, replaced)
    before = _without_seams(model, graph)
    for tensor in graph.tensors:
        _make_float(model, tensor)
    graph.inputs = [int(index) for index in graph.inputs]
    graph.outputs = [_first(before, int(index)) for index in graph.outputs]
    for signature in model.signatureDefs or []:
        for tensor_map in [*signature.inputs, *signature.outputs]:
            tensor_map.tensorIndex = _first(before, int(tensor_map.tensorIndex))
    _show(model, graph, shown)
    return flatbuffer.write(model)


def _read_constants(model: flatbuffer.Model, graph: Any, replaced: Mapping[int, Array]) -> None:
    """Store every constant on a grid, of 16 bits or replaced as float32, in a buffer of its own."""
    from ai_edge_litert import schema_py_generated as schema

    for index, tensor in enumerate(graph.tensors):
        if model.buffers[tensor.buffer].data is None or not (_has_grid(tensor) or flatbuffer.is_float(tensor)):
            continue
        if index not in replaced and tensor.type == schema.TensorType.FLOAT32:
            continue
        values = replaced.get(index)
        if values is None:
            values, _ = storage.real(model, tensor, smallest_step=0)
        buffer = schema.BufferT()
        buffer.data = np.ascontiguousarray(values, np.float32).reshape(-1).view(np.uint8)
        model.buffers.append(buffer)
        tensor.buffer, tensor.type, tensor.quantization = len(model.buffers) - 1, schema.TensorType.FLOAT32, None


def _without_seams(model: flatbuffer.Model, graph: Any) -> dict[int, int]:
    """Remove the operators that only change the type of a tensor; return the tensor before each of their outputs."""
    before: dict[int, int] = {}
    kept = []
    for operator in graph.operators:
        operator.inputs = [_first(before, int(index)) for index in operator.inputs]
        if flatbuffer.op_name(model, operator) in SEAMS:
            before[int(operator.outputs[0])] = operator.inputs[0]
        else:
            kept.append(operator)
    graph.operators = kept
    return before


def _make_float(model: flatbuffer.Model, tensor: Any) -> None:
    """Let an activation with a grid hold float32."""
    from ai_edge_litert import schema_py_generated as schema

    if model.buffers[tensor.buffer].data is None and (_has_grid(tensor) or tensor.type == schema.TensorType.FLOAT16):
        tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None


def _has_grid(tensor: Any) -> bool:
    from ai_edge_litert import schema_py_generated as schema

    kinds = schema.TensorType
    integers = (kinds.INT8, kinds.UINT8, kinds.INT16, kinds.INT32, kinds.INT64)
    return tensor.type in integers and tensor.quantization is not None and tensor.quantization.scale is not None


def _first(before: Mapping[int, int], index: int) -> int:
    while index in before:
        index = before[index]
    return index


def _show(model: flatbuffer.Model, graph: Any, shown: Collection[str]) -> None:
    """Make tensors outputs of the graph and of its signature."""
    from ai_edge_litert import schema_py_generated as schema

    for index, tensor in enumerate(graph.tensors):
        if tensor.name.decode() not in shown:
            continue
        if index not in graph.outputs:
            graph.outputs.append(index)
        for signature in (model.signatureDefs or [])[:1]:
            entry = schema.TensorMapT()
            entry.name, entry.tensorIndex = tensor.name, index
            signature.outputs.append(entry)
