"""The tables of embeddings in a .tflite and in an .onnx derived from it, from which GATHER takes rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from export.formats.onnx.constants import Constants, Numbers, attribute
from export.formats.tflite import flatbuffer, storage

UINT8_OFFSET = 128  # bytes of an .onnx begin at 0, those of a .tflite at -128


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table of a .tflite.

    Attributes:
        name: of the rows taken from it.
        stored: the numbers as they are stored: integers, or floats.
    """

    name: str
    stored: Numbers


def table_steps(sibling: bytes, constants: Constants) -> Iterator[tuple[str, float]]:
    """Yield the distance of every table of the .tflite from the nearest in the .onnx, in steps of its integers.

    Scales are left to the comparison of outputs: the .onnx changes them so that its runtime rounds as LiteRT does.
    Nothing is yielded for tables of floats, or if the two files do not have tables of the same shapes.
    """
    expected, found = list(_of_tflite(sibling)), list(_of_onnx(constants))
    if Counter(table.stored.shape for table in expected) != Counter(values.shape for values in found):
        return
    for table in expected:
        alike = [place for place, values in enumerate(found) if values.shape == table.stored.shape]
        distances = {place: float(np.abs(found[place] - table.stored).max(initial=0)) for place in alike}
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
            is_quantized = tensor.quantization is not None and tensor.quantization.scale is not None
            if len(tensor.shape) > 1 and is_quantized and model.buffers[tensor.buffer].data is not None:
                name = subgraph.tensors[operator.outputs[0]].name.decode().split(";")[0]
                yield Table(name=name, stored=flatbuffer.constant(model, tensor).astype(np.int64))


def _of_onnx(constants: Constants) -> Iterator[Numbers]:
    for node in constants.nodes:
        values = constants.real(node.input[0]) if node.op_type == "Gather" and attribute(node, "axis", 0) == 0 else None
        if values is not None and values.ndim > 1 and values.dtype.kind in "iu":
            yield values.astype(np.int64) - (UINT8_OFFSET if values.dtype == np.uint8 else 0)
