"""Store the scale and zero point of every quantizing operator of an .onnx where they can be read.

The standard lets an Identity or a Constant stand before them, and lets the zero point be left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from export.formats.onnx.constants import attribute
from export.formats.onnx.graph import Graph
from export.formats.onnx.protos import NodeProto

SEAMS = ("QuantizeLinear", "DequantizeLinear")
KINDS = ("int8", "uint8", "int16", "uint16")  # of activations
_SAME_GRID = frozenset(
    {"Clip", "Flatten", "Identity", "MaxPool", "Pad", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
)


def with_plain_grids(content: bytes) -> bytes:
    """Return a file that computes the same; the given bytes if there is nothing to change."""
    import onnx

    proto: Any = onnx.load_from_string(content)
    graph = Graph(proto.graph)
    changed = False
    for node in proto.graph.node:
        is_seam = node.op_type in SEAMS
        if is_seam or node.op_type.startswith("QLinear") or node.op_type == "QGemm":
            for place in range(1 if is_seam else 0, len(node.input)):
                stored = _stored(graph, node.input[place])
                changed |= stored != node.input[place]
                node.input[place] = stored
        if is_seam and node.input[0] not in graph.stored and not (len(node.input) > 2 and node.input[2]):
            kind = _kind(graph, node)
            if kind in KINDS:
                del node.input[2:]
                zero = np.zeros(graph.value(node.input[1]).shape if node.input[1] in graph.stored else (), kind)
                node.input.append(graph.store(f"{node.output[0]}/zero_point", zero))
                changed = True
    return bytes(proto.SerializeToString()) if changed else content


def grid(graph: Graph, node: NodeProto) -> tuple[float, int, str] | None:
    """Return the scale, the zero point and the type of a quantizing operator; None if they are no stored numbers."""
    names = node.input[1:3]
    if len(names) < 2 or not all(name in graph.stored and graph.value(name).size == 1 for name in names):
        return None
    scale, zero = (graph.value(name) for name in names)
    return (float(scale.item()), int(zero.item()), zero.dtype.name) if zero.dtype.name in KINDS else None


def _stored(graph: Graph, name: str) -> str:
    """Return the stored tensor that a name stands for, behind Identity and Constant; else the name."""
    from onnx import numpy_helper

    source = name
    while (maker := graph.producer.get(source)) is not None and maker.op_type == "Identity":
        source = maker.input[0]
    if source in graph.stored:
        return source
    value = attribute(maker, "value", None) if maker is not None and maker.op_type == "Constant" else None
    if value is None:
        return name
    own = f"{source}/stored"
    return own if own in graph.stored else graph.store(own, numpy_helper.to_array(value))


def _kind(graph: Graph, node: NodeProto) -> str:
    """Return the type of the integers that an operator without a zero point gives or takes; empty if unknown."""
    from onnx import TensorProto, helper

    if node.op_type == "QuantizeLinear":
        kind = attribute(node, "output_dtype", 0) or TensorProto.UINT8
        return str(helper.tensor_dtype_to_np_dtype(kind).name)
    name = node.input[0]
    while (maker := graph.producer.get(name)) is not None and maker.op_type in _SAME_GRID:
        name = maker.input[0]
    if maker is not None and maker.op_type == "QuantizeLinear":
        zero = maker.input[2] if len(maker.input) > 2 else ""
        return graph.value(zero).dtype.name if zero in graph.stored else "" if zero else _kind(graph, maker)
    types = {one.name: one.type.tensor_type.elem_type for one in graph.proto.input}
    return str(helper.tensor_dtype_to_np_dtype(types[name]).name) if name in types else ""
