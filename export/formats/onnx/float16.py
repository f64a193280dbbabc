"""Convert a float32 .onnx to one with weights stored as float16 and computed in float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from export.errors import ConversionError
from export.formats.onnx.sibling import seal

HALF_LIMIT = 65504.0  # The largest float16.
ELEMENTWISE = frozenset({"Add", "Max", "Min", "Mul", "Sub", "Where"})

SMALLEST = 16  # Tensors of up to 16 numbers (clip bounds, means) are not worth converting.


def halve(float_file: bytes) -> bytes:
    """Return `float_file` with large weights as float16, each followed by a Cast that the runtime folds.

    A constant beyond the range of float16, such as the -1e9 of a mask, stays float32 where it is added, multiplied or
    selected.

    Raises:
        ConversionError: the weight of a layer exceeds 65504, the largest float16.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    proto = onnx.load_from_string(float_file)
    casts, elementwise = [], _elementwise(proto.graph)
    for tensor in proto.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) <= SMALLEST:
            continue
        name, half, value = tensor.name, f"{tensor.name}/half", numpy_helper.to_array(tensor)
        if name in elementwise and np.abs(value).max() > HALF_LIMIT:
            continue
        tensor.CopyFrom(numpy_helper.from_array(_half(name, value), half))
        casts.append(helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT))
    proto.graph.node.extend(casts)
    return seal(proto)


def _elementwise(graph: Any) -> set[str]:
    """Return the tensors that only elementwise operators read."""
    readers: dict[str, set[str]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, set()).add(node.op_type)
    return {name for name, kinds in readers.items() if kinds <= ELEMENTWISE}


def _half(name: str, value: Any) -> Any:
    with np.errstate(over="ignore"):
        half = value.astype(np.float16)
    if not np.isfinite(half).all():
        largest = float(np.abs(value).max())
        raise ConversionError(
            f"the weight {name!r} reaches {largest:g}, but the largest float16 is 65504; choose another precision"
        )
    return half
