"""Let a float .onnx store the integers of a .tflite in place of its matrices, where the two have different graphs.

A decoder's .onnx has another form of cache than its .tflite, so that none can be derived from the other. Both hold the
same matrices, which are found by their values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from calibration.samples import Array
from export.errors import ConversionError
from export.formats.onnx.graph import Graph
from export.formats.onnx.protos import GraphProto
from export.formats.tflite import flatbuffer

# Rounding costs half a step; the nearest other matrix of a trained network is tens of steps away.
MOST_STEPS = 0.51
# Operators of a .tflite that read a matrix (rows, width) with a scale for each row -> its place.
_READERS = {"FULLY_CONNECTED": 1, "EMBEDDING_LOOKUP": 1}


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredMatrix:
    """A matrix of a .tflite: integers (rows, width), and the scale of each row."""

    integers: Array
    scales: Array

    def distance(self, values: Array) -> float:
        """Return the largest distance from float values (rows, width), in steps."""
        steps = np.maximum(self.scales, np.finfo(np.float32).tiny)[:, None]
        return float(np.abs(values / steps - self.integers).max(initial=0.0))


def store_integers(graph: GraphProto, sibling: flatbuffer.Model) -> None:
    """Replace the stored matrices that products and lookups read by DequantizeLinear of the sibling's integers.

    Raises:
        ConversionError: a matrix is not in the sibling.
    """
    from onnx import helper

    editable, matrices = Graph(graph), list(_matrices(sibling))
    made: list[Any] = []
    multiplied = {name for name, kind in _read(editable) if kind != "Gather"}
    for name, kind in dict(_read(editable)).items():
        values, by_row = editable.value(name), kind != "MatMul"
        found = _nearest(matrices, values if by_row else values.T)
        if found is None and name not in multiplied:
            continue  # The sibling keeps small tables in float.
        if found is None:
            raise ConversionError(f"the matrix {name} of shape {values.shape} is not in the file of the other format")
        integers = found.integers if by_row else np.ascontiguousarray(found.integers.T)
        given = [
            editable.store(f"{name}/integers", integers),
            editable.store(f"{name}/scales", found.scales.astype(np.float32)),
            editable.store(f"{name}/zeros", np.zeros(len(found.scales), np.int8)),
        ]
        made.append(helper.make_node("DequantizeLinear", given, [f"{name}/real"], axis=0 if by_row else 1))
        _rename(graph, name, f"{name}/real")
    editable.replace_nodes([*made, *graph.node])


def _matrices(model: flatbuffer.Model) -> Iterator[StoredMatrix]:
    """Yield every stored matrix once."""
    seen = set()
    for subgraph in model.subgraphs:
        for operator in subgraph.operators:
            place = _READERS.get(flatbuffer.op_name(model, operator))
            tensor = subgraph.tensors[operator.inputs[place]] if place is not None else None
            if tensor is None or tensor.quantization is None or tensor.quantization.scale is None:
                continue
            if tensor.buffer not in seen:
                seen.add(tensor.buffer)
                integers = flatbuffer.constant(model, tensor)
                scales = np.broadcast_to(np.asarray(tensor.quantization.scale, np.float64), integers.shape[:1])
                yield StoredMatrix(integers=integers, scales=scales)


def _read(graph: Graph) -> Iterator[tuple[str, str]]:
    """Yield the stored float matrices that products and lookups read: Gather and Gemm by row, MatMul by column."""
    for node in graph.proto.node:
        place = {"MatMul": 1, "Gemm": 1, "Gather": 0}.get(node.op_type)
        name = node.input[place] if place is not None else ""
        if name not in graph.stored or graph.value(name).ndim != 2 or graph.value(name).dtype != np.float32:
            continue
        is_turned = any(one.name == "transB" and one.i for one in node.attribute)
        yield name, "MatMul" if node.op_type == "Gemm" and not is_turned else node.op_type


def _nearest(matrices: list[StoredMatrix], values: Array) -> StoredMatrix | None:
    alike = [one for one in matrices if one.integers.shape == values.shape]
    distances = [one.distance(values) for one in alike]
    return alike[int(np.argmin(distances))] if distances and min(distances) <= MOST_STEPS else None


def _rename(graph: GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
