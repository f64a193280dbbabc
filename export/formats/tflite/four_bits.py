"""Store matrices of a .tflite in 4 bits, in blocks of 32 with a scale each.

ai-edge-quantizer could write them too, but rounds the weights with scales of float32 and stores those of bfloat16, so
that weights are up to 0.53 steps off. Source of the layout: `BlockwiseQuantization` in LiteRT's schema.fbs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.formats import blocks
from export.formats.blocks import Blocks
from export.formats.tflite import flatbuffer, lookups

OPERATOR, PLACE = "FULLY_CONNECTED", 1  # and the place of its matrix (outputs, inputs)
NO_ZERO_POINTS = -1


def grids(reference: flatbuffer.Model) -> dict[int, Blocks]:
    """Return the grids of the matrices of a float file that are stored in 4 bits, by the index of their buffer.

    They are the matrices that a pass has put on a grid. If there are none, every matrix of a product is rounded to
    nearest, but for one that is also a table of vectors.
    """
    tables = {tensor.buffer for _, tensor in _read_by(reference, lookups.LOOKUP)}
    found: dict[int, NDArray[Any]] = {}
    for _, tensor in _read_by(reference, OPERATOR):
        if tensor.buffer not in tables and blocks.fits(tuple(int(size) for size in tensor.shape)):
            found[tensor.buffer] = flatbuffer.constant(reference, tensor)
    exact = {buffer: grid for buffer, matrix in found.items() if (grid := blocks.on_grid(matrix)) is not None}
    return exact or {buffer: blocks.nearest(matrix) for buffer, matrix in found.items()}


def store(model: flatbuffer.Model, reference: flatbuffer.Model) -> None:
    """Store the matrices of a file that was quantized to 8 bits from `reference` in 4 bits where they have a grid."""
    found, scales = grids(reference), dict[int, int]()
    for graph, original in zip(model.subgraphs, reference.subgraphs, strict=True):
        buffers = {tensor.name: tensor.buffer for tensor in original.tensors}
        done: set[int] = set()
        for tensor in [graph.tensors[index] for index in _indices(model, graph, OPERATOR)]:
            grid = found.get(buffers.get(tensor.name, -1))
            if grid is not None and id(tensor) not in done:
                done.add(id(tensor))
                _store(model, graph, tensor, grid, scales)


def has_any(model: flatbuffer.Model) -> bool:
    """Return whether a file stores a matrix in 4 bits."""
    return any(is_stored(tensor) for graph in model.subgraphs for tensor in graph.tensors)


def is_stored(tensor: Any) -> bool:
    """Return whether a tensor is a matrix of blocks in 4 bits."""
    from ai_edge_litert import schema_py_generated as schema

    return bool(tensor.type == schema.TensorType.INT4 and _details(tensor) is not None)


def stored(model: flatbuffer.Model, tensor: Any) -> Blocks:
    """Return the integers and scales of a matrix for which `is_stored`."""
    graph = next(one for one in model.subgraphs if any(other is tensor for other in one.tensors))
    scales = flatbuffer.constant(model, graph.tensors[_details(tensor).scales]).astype(np.float32)
    integers = flatbuffer.constant(model, tensor)
    return Blocks(integers=integers, scales=scales.reshape(len(integers), -1))


def _details(tensor: Any) -> Any:
    """Return the blockwise quantization of a tensor; None if it has another one than `_store` writes."""
    from ai_edge_litert import schema_py_generated as schema

    quantization, kinds = tensor.quantization, schema.QuantizationDetails
    if quantization is None or quantization.detailsType != kinds.BlockwiseQuantization:
        return None
    details = quantization.details
    settings = details.blockSize, details.zeroPoints, quantization.quantizedDimension
    return details if settings == (blocks.BLOCK, NO_ZERO_POINTS, 0) else None


def _store(model: flatbuffer.Model, graph: Any, tensor: Any, grid: Blocks, scales: dict[int, int]) -> None:
    """Store a matrix in place; `scales` holds the buffers of scales of matrices that other functions share."""
    from ai_edge_litert import schema_py_generated as schema

    if tensor.buffer not in scales:
        model.buffers[tensor.buffer].data = blocks.packed(grid.integers).reshape(-1)
        buffer = schema.BufferT()
        buffer.data = grid.scales.astype(np.float16).reshape(-1).view(np.uint8)
        model.buffers.append(buffer)
        scales[tensor.buffer] = len(model.buffers) - 1
    added = schema.TensorT()
    added.type, added.buffer, added.name = schema.TensorType.FLOAT16, scales[tensor.buffer], tensor.name + b"_scales"
    added.shape = np.asarray(grid.scales.shape, np.int32)
    graph.tensors.append(added)
    details, quantization = schema.BlockwiseQuantizationT(), schema.QuantizationParametersT()
    details.scales, details.zeroPoints, details.blockSize = len(graph.tensors) - 1, NO_ZERO_POINTS, blocks.BLOCK
    quantization.detailsType, quantization.details = schema.QuantizationDetails.BlockwiseQuantization, details
    tensor.type, tensor.quantization = schema.TensorType.INT4, quantization


def _read_by(model: flatbuffer.Model, name: str) -> Iterator[tuple[Any, Any]]:
    """Yield the constants at the second place of operators, with their graph."""
    for graph in model.subgraphs:
        for index in _indices(model, graph, name):
            if model.buffers[graph.tensors[index].buffer].data is not None:
                yield graph, graph.tensors[index]


def _indices(model: flatbuffer.Model, graph: Any, name: str) -> list[int]:
    return [int(one.inputs[PLACE]) for one in graph.operators if flatbuffer.op_name(model, one) == name]
