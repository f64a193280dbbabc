"""The tables of embeddings in a .tflite and in an .onnx derived from it, from which rows are taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from export.formats.onnx.constants import Constants, Numbers, attribute
from export.formats.tflite import flatbuffer, storage

# Operators that take rows of a table -> the position of the table.
READERS = {"GATHER": 0, "EMBEDDING_LOOKUP": 1}

ROWS_AT_ONCE = 4096  # of a table of words, which in 64 bits takes gigabytes
UINT8_OFFSET = 128  # bytes of an .onnx begin at 0, those of a .tflite at -128


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table of a .tflite.

    Attributes:
        name: of the rows taken from it.
        stored: the numbers as they are stored: integers, or floats.
        row_scales: the scale of each row, where rows have their own; None for tables with one scale.
    """

    name: str
    stored: Numbers
    row_scales: Numbers | None = None


def table_steps(sibling: bytes, constants: Constants) -> Iterator[tuple[str, float]]:
    """Yield the distance of every table of the .tflite from the nearest in the .onnx, in steps of its integers.

    The scale of a whole table is left to the comparison of outputs: the .onnx changes it so that its runtime rounds as
    LiteRT does. The scales of rows are copied; rows with another scale are infinitely far.
    Nothing is yielded for tables of floats, or if the two files do not have tables of the same shapes.
    """
    expected, found = list(_of_tflite(sibling)), list(_of_onnx(constants))
    if Counter(table.stored.shape for table in expected) != Counter(values.shape for values, _ in found):
        return
    row_scales = _row_scales(constants)
    for table in expected:
        alike = [place for place, (values, _) in enumerate(found) if values.shape == table.stored.shape]
        distances = {place: _distance(found[place][0], table.stored) for place in alike}
        nearest = min(distances, key=distances.__getitem__)
        _, indices = found.pop(nearest)
        yield f"table of {table.name}", distances[nearest]
        if table.row_scales is not None:
            is_stored = np.array_equal(row_scales.get(indices, np.zeros(0)), table.row_scales)
            yield f"scales of the rows of {table.name}", 0.0 if is_stored else float("inf")


def _of_tflite(content: bytes) -> Iterator[Table]:
    model, seen = flatbuffer.read(content), set()
    for subgraph in model.subgraphs:
        for operator in subgraph.operators:
            place = READERS.get(flatbuffer.op_name(model, operator))
            if place is None:
                continue
            tensor = subgraph.tensors[storage.source(model, subgraph, operator.inputs[place])]
            is_quantized = tensor.quantization is not None and tensor.quantization.scale is not None
            if tensor.buffer in seen:  # of a table that several functions of a file share
                continue
            if len(tensor.shape) > 1 and is_quantized and model.buffers[tensor.buffer].data is not None:
                seen.add(tensor.buffer)
                name = subgraph.tensors[operator.outputs[0]].name.decode().split(";")[0]
                scales = np.asarray(tensor.quantization.scale, np.float32)
                stored = flatbuffer.constant(model, tensor)
                yield Table(name=name, stored=stored, row_scales=scales if scales.size > 1 else None)


def _of_onnx(constants: Constants) -> Iterator[tuple[Numbers, str]]:
    """Yield the integers of every table, and the name of the indices of the rows that are taken from it."""
    for node in constants.nodes:
        values = constants.real(node.input[0]) if node.op_type == "Gather" else None
        if values is not None and values.ndim > 1 and values.dtype.kind in "iu":
            values = values if attribute(node, "axis", 0) == 0 else values.T  # Columns of a matrix are rows of a table.
            yield values, node.input[1]


def _distance(one: Numbers, other: Numbers) -> float:
    """Return the largest distance of two tables of integers; those of an .onnx, the first, may have an offset."""
    offset = UINT8_OFFSET if one.dtype == np.uint8 else 0
    starts = range(0, len(one), ROWS_AT_ONCE)
    some = ((one[start : start + ROWS_AT_ONCE], other[start : start + ROWS_AT_ONCE]) for start in starts)
    return float(max((np.abs(a.astype(np.int64) - offset - b).max(initial=0) for a, b in some), default=0))


def row_scale_names(constants: Constants) -> set[str]:
    """Return the names of the stored columns of floats that rows are taken from."""
    columns = ((node.input[0], constants.shape(node.input[0])) for node in constants.nodes if node.op_type == "Gather")
    return {name for name, shape in columns if shape is not None and len(shape) == 2 and shape[1] == 1}


def _row_scales(constants: Constants) -> dict[str, Numbers]:
    """Return the stored columns of floats that rows are taken from, the scales of a table, by the rows' indices."""
    found = {}
    for node in constants.nodes:
        shape = constants.shape(node.input[0]) if node.op_type == "Gather" else None
        if shape is not None and len(shape) == 2 and shape[1] == 1:
            values = constants.real(node.input[0])
            if values is not None and values.dtype.kind == "f":
                found[node.input[1]] = values.reshape(-1)
    return found
