"""Fix the batch size of an .onnx whose inputs leave it open, as most converters do."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def with_batch_of_one(path: Path) -> bytes:
    """Return a file with the batch size 1 and with its data inside; other open sizes stay open."""
    import onnx
    from onnx import shape_inference

    proto: Any = onnx.load(str(path))
    stored = {tensor.name for tensor in proto.graph.initializer}
    inputs = [value for value in proto.graph.input if value.name not in stored]
    firsts = [value.type.tensor_type.shape.dim[0] for value in inputs if value.type.tensor_type.shape.dim]
    opened = {one.dim_param for one in firsts if not one.HasField("dim_value")}
    if not any(not one.HasField("dim_value") for one in firsts):
        return bytes(proto.SerializeToString())
    for value in (*inputs, *proto.graph.output):
        for place, size in enumerate(value.type.tensor_type.shape.dim):
            if not size.HasField("dim_value") and (place == 0 or size.dim_param in opened - {""}):
                size.dim_value = 1
    del proto.graph.value_info[:]
    inferred = shape_inference.infer_shapes(proto)
    return bytes(inferred.SerializeToString())
