"""Leave the batch of an .onnx open, whose operators were written for a batch of 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from export.errors import ConversionError

BATCH = "batch"
SIZES_OF_RESIZE, SCALES_OF_RESIZE = 3, 2


def with_open_batch(content: bytes) -> bytes:
    """Return a file that takes any number of samples at once; the caller compares its outputs with those of one each.

    The batch is the first axis everywhere, and the outermost one in memory, so that a Reshape keeps it if its first
    size follows from the others.

    Raises:
        ConversionError: an input or output has no batch of 1, or another batch follows from a size that is not fixed.
    """
    import onnx
    from onnx import shape_inference

    proto: Any = onnx.ModelProto.FromString(content)
    inferred: Any = shape_inference.infer_shapes(proto)
    shapes = {value.name: _shape(value) for value in (*inferred.graph.value_info, *inferred.graph.input)}
    shapes |= {value.name: _shape(value) for value in inferred.graph.output}
    stored = {tensor.name: tensor for tensor in proto.graph.initializer}
    for node in list(proto.graph.node):
        if node.op_type == "Reshape" and node.input[1] in stored:
            _reshape(proto.graph, node, shapes.get(node.output[0]))
        elif node.op_type == "Resize" and len(node.input) > SIZES_OF_RESIZE and node.input[SIZES_OF_RESIZE] in stored:
            _resize(proto.graph, node, stored[node.input[SIZES_OF_RESIZE]], shapes.get(node.input[0]))
    for value in (*(one for one in proto.graph.input if one.name not in stored), *proto.graph.output):
        sizes = value.type.tensor_type.shape.dim
        if not sizes or sizes[0].dim_value != 1:
            raise ConversionError(f"{value.name} has no batch of 1; leave out --dynamic-batch")
        sizes[0].Clear()
        sizes[0].dim_param = BATCH
    _drop_unread(proto.graph)
    del proto.graph.value_info[:]
    return bytes(proto.SerializeToString())


def _shape(value: Any) -> list[int] | None:
    sizes = value.type.tensor_type.shape.dim
    return [size.dim_value for size in sizes] if all(size.HasField("dim_value") for size in sizes) else None


def _reshape(graph: Any, node: Any, result: list[int] | None) -> None:
    """Let the first size of a Reshape follow from the others."""
    if not result:
        raise ConversionError("a Reshape has a result of unknown size, so the batch stays 1; leave out --dynamic-batch")
    _give(graph, node, 1, np.asarray([-1, *result[1:]], np.int64))


def _resize(graph: Any, node: Any, sizes: Any, source: list[int] | None) -> None:
    """Let a Resize scale its input in place of stating the size of the result."""
    from onnx import numpy_helper

    wanted = numpy_helper.to_array(sizes)
    if not source or 0 in source:
        raise ConversionError("a Resize has an input of unknown size, so the batch stays 1; leave out --dynamic-batch")
    _give(graph, node, SCALES_OF_RESIZE, (wanted / np.asarray(source)).astype(np.float32))
    del node.input[SIZES_OF_RESIZE:]


def _drop_unread(graph: Any) -> None:
    """Remove stored inputs that no node reads any more, about which the runtime would warn."""
    read = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    nested = any(attribute.HasField("g") for node in graph.node for attribute in node.attribute)
    kept = [tensor for tensor in graph.initializer if nested or tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _give(graph: Any, node: Any, place: int, values: Any) -> None:
    """Give a node a stored input of its own."""
    from onnx import numpy_helper

    name = f"{node.output[0]}/{BATCH}/{place}"
    graph.initializer.append(numpy_helper.from_array(values, name))
    node.input[place] = name
