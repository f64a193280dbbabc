"""Convert a float32 .onnx to one with weights stored as float16 and computed in float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from export.errors import ConversionError
from export.formats.onnx.sibling import seal

SMALLEST = 16  # Tensors of up to 16 numbers (clip bounds, means) are not worth converting.


def halve(float_file: bytes) -> bytes:
    """Return `float_file` with large weights as float16, each followed by a Cast that the runtime folds.

    Raises:
        ConversionError: a weight exceeds 65504, the largest float16.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    proto = onnx.load_from_string(float_file)
    casts = []
    for tensor in proto.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) <= SMALLEST:
            continue
        name, half = tensor.name, f"{tensor.name}/half"
        tensor.CopyFrom(numpy_helper.from_array(_half(name, numpy_helper.to_array(tensor)), half))
        casts.append(helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT))
    proto.graph.node.extend(casts)
    return seal(proto)


def _half(name: str, value: Any) -> Any:
    with np.errstate(over="ignore"):
        half = value.astype(np.float16)
    if not np.isfinite(half).all():
        largest = float(np.abs(value).max())
        raise ConversionError(
            f"the weight {name!r} reaches {largest:g}, but the largest float16 is 65504; choose another precision"
        )
    return half
