"""Large matrices that stay outside of a graph until it is finished, and so are in memory once instead of four times.

Folding only moves such a matrix where a product or a lookup reads it, which needs its shape alone.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from export.formats.onnx import external_data
from export.formats.onnx.naming import needed
from export.formats.onnx.protos import GraphProto

SMALLEST_NUMBERS = 1 << 16
# Below this size of all weights, copies do not matter; above it, a decoder's matrices stay outside.
LARGE_BYTES = 200_000_000
_MARK = "outside: "  # begins the description of an initializer without content
# Operators that read a matrix as it is stored -> its place.
_PLACES = {"MatMul": 1, "Gemm": 1, "Gather": 0}


def matrices(graph: GraphProto) -> frozenset[str]:
    """Return the float32 inputs of `graph` that are large matrices, and that products and lookups alone read.

    A transposed one is among them if others read it, too: `share_transposed` removes the transposition.
    """
    from onnx import TensorProto

    found = {
        value.name
        for value in graph.input
        if value.type.tensor_type.elem_type == TensorProto.FLOAT
        and is_large([one.dim_value for one in value.type.tensor_type.shape.dim])
    }
    others, turned, straight = {value.name for value in graph.output}, set[str](), set[str]()
    for node in graph.node:
        place = _PLACES.get(node.op_type)
        for position, name in enumerate(needed(node)):
            kind = turned if node.op_type == "Transpose" else straight if position == place else others
            kind.add(name)
    return frozenset(found - others - (turned - straight))


def is_large(shape: Sequence[int]) -> bool:
    """Return whether weights of that shape are a large matrix."""
    return len(shape) == 2 and math.prod(shape) >= SMALLEST_NUMBERS


def reserve(graph: GraphProto, names: Collection[str]) -> None:
    """Turn the inputs `names` into initializers without content, which remember their names."""
    from onnx import TensorProto

    given = list(graph.input)
    del graph.input[:]
    for value in given:
        if value.name not in names:
            graph.input.append(value)
            continue
        dims = [one.dim_value for one in value.type.tensor_type.shape.dim]
        graph.initializer.add(
            name=value.name, dims=dims, data_type=TensorProto.FLOAT, doc_string=f"{_MARK}{value.name}"
        )


def store(graph: GraphProto, weights: Mapping[str, Any], data: Path | None = None) -> None:
    """Give the initializers that `reserve` added the values of the Keras variables `weights`, by their first names.

    Args:
        graph: is changed in place.
        weights: by the names of the inputs.
        data: a new file for the values; None stores them in the graph.
    """
    reserved = [tensor for tensor in graph.initializer if tensor.doc_string.startswith(_MARK)]
    values = (weights[tensor.doc_string.removeprefix(_MARK)].numpy() for tensor in reserved)
    if data is not None:
        external_data.write(reserved, values, data)
    else:
        for tensor, value in zip(reserved, values, strict=True):
            tensor.raw_data = value.tobytes()
    for tensor in reserved:
        tensor.ClearField("doc_string")
