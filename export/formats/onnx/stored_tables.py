"""The tables of embeddings in a .tflite and in an .onnx derived from it, from which GATHER takes rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from export.formats.distance import largest_steps
from export.formats.onnx.constants import Constants, Numbers, attribute
from export.formats.tflite import flatbuffer, storage

MOVES = frozenset({"Cast", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
DEQUANTIZING = frozenset({"DequantizeLinear", "Mul"})  # 16 bits are multiplied by their scale


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table of a .tflite.

    Attributes:
        name: of the rows taken from it.
        real: its real values.
        step: step size of each value.
    """

    name: str
    real: Numbers
    step: Numbers


def table_steps(sibling: bytes, constants: Constants) -> Iterator[tuple[str, float]]:
    """Yield the distance of every table from the nearest of its shape in the .tflite, in steps of its grid.

    Nothing if the two files do not have tables of the same shapes.
    """
    expected, found = list(_of_tflite(sibling)), list(_of_onnx(constants))
    if Counter(table.real.shape for table in expected) != Counter(values.shape for values in found):
        return
    for table in expected:
        alike = [place for place, values in enumerate(found) if values.shape == table.real.shape]
        distances = {place: largest_steps(found[place], table.real, table.step) for place in alike}
        nearest = min(distances, key=distances.__getitem__)
        found.pop(nearest)
        yield f"table of {table.name}", distances[nearest]


def _of_tflite(content: bytes) -> Iterator[Table]:
    model = flatbuffer.read(content)
    for subgraph in model.subgraphs:
        for operator in subgraph.operators:
            if flatbuffer.op_name(model, operator) != "GATHER":
                continue
            tensor = subgraph.tensors[storage.source(model, subgraph, operator.inputs[0])]
            if len(tensor.shape) > 1 and model.buffers[tensor.buffer].data is not None and _is_real(tensor):
                real, step = storage.real(model, tensor, smallest_step=0)
                yield Table(
                    name=subgraph.tensors[operator.outputs[0]].name.decode().split(";")[0], real=real, step=step
                )


def _is_real(tensor: object) -> bool:
    from ai_edge_litert import schema_py_generated as schema

    kinds = schema.TensorType
    quantization, kind = (getattr(tensor, one) for one in ("quantization", "type"))
    is_quantized = quantization is not None and quantization.scale is not None and len(quantization.scale) > 0
    return kind in (kinds.FLOAT32, kinds.FLOAT16) or is_quantized


def _of_onnx(constants: Constants) -> Iterator[Numbers]:
    for node in constants.nodes:
        values = constants.real(node.input[0]) if node.op_type == "Gather" and attribute(node, "axis", 0) == 0 else None
        if values is None or values.ndim < 2:
            continue
        if np.issubdtype(values.dtype, np.floating):
            yield values
        elif (real := _dequantized(constants, node.output[0], values)) is not None:
            yield real


def _dequantized(constants: Constants, name: str, values: Numbers) -> Numbers | None:
    """Return the real values of integers whose rows are dequantized after they were taken; None for other integers."""
    reader = constants.reader(name)
    while reader is not None and reader.op_type in MOVES:
        name = reader.output[0]
        reader = constants.reader(name)
    if reader is None or reader.op_type not in DEQUANTIZING:
        return None
    given = [constants.real(one) for one in reader.input if one != name]
    if any(one is None or one.size != 1 for one in given):
        return None
    scale, *zero_points = (one.astype(np.float64) for one in given if one is not None)
    real: Numbers = (values.astype(np.float64) - sum(zero_points)) * scale
    return real
