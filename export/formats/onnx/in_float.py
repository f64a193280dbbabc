"""Turn a quantized .onnx into a file with the same operators that stores and computes float32."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats.onnx.constants import Constants
from export.formats.onnx.float_inputs import roundings
from export.formats.onnx.graph import Graph
from export.formats.onnx.plain_grids import grid
from export.formats.onnx.protos import ModelProto, NodeProto

# The cap of relu6, and by how much a grid may reach beyond it.
SIX, NEAR = 6.0, 0.02
_SEAMS = frozenset({"QuantizeLinear", "DequantizeLinear"})


def in_float(
    proto: ModelProto, replaced: Mapping[str, Array], shown: Collection[str], capped: Collection[str]
) -> bytes:
    """Return the float form of a parsed file, all of whose integers are behind DequantizeLinear (`expanded`).

    A QuantizeLinear only clips: at 0, where its grid begins there, and at 6, if it is in `capped` and its grid does not
    reach further. Quantizers remove an activation that the ends of a grid replace; a grid may end below the cap.

    Args:
        proto: the file.
        replaced: real values to store in place of constants, by the name that operators read.
        shown: names of tensors that become outputs, too.
        capped: outputs of QuantizeLinear that stand for a relu6.
    """
    from onnx import helper

    changed = type(proto).FromString(proto.SerializeToString())
    graph = Graph(changed.graph)
    constants = Constants(proto.graph)
    real = dict(_real(constants, replaced))
    inner = {f"{name}/float": values for name, values in real.items()}
    rounded = roundings(graph)
    nodes: list[Any] = []
    for node in changed.graph.node:
        if node.output[0] in real or _makes_constant(constants, node):
            continue
        if node.op_type not in _SEAMS:  # their scales may be read by other operators, too
            node.input[:] = [f"{name}/float" if name in real else name for name in node.input]
        if node.output[0] in rounded:
            nodes.append(helper.make_node("Identity", [node.input[0]], list(node.output)))
            continue
        nodes += _node(helper, graph, node, capped)
    graph.replace_nodes(nodes)
    for name, values in inner.items():
        graph.store(name, values.astype(np.float32))
    _drop_unread(changed.graph)
    del changed.graph.value_info[:], changed.metadata_props[:]
    for value in (*changed.graph.input, *changed.graph.output):
        _make_float(value)
    known = {value.name for value in changed.graph.output}
    for name in shown:
        if name not in known:
            changed.graph.output.append(helper.make_tensor_value_info(name, 1, None))
    return bytes(changed.SerializeToString())


def _real(constants: Constants, replaced: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """Yield the float constants that operators read, with their real values."""
    for node in constants.nodes:
        if node.op_type in _SEAMS:
            continue
        for name in filter(None, node.input):
            values = constants.real(name)
            if values is not None and np.issubdtype(values.dtype, np.floating):
                yield name, np.asarray(replaced.get(name, values))


def _makes_constant(constants: Constants, node: NodeProto) -> bool:
    return constants.real(node.output[0]) is not None and node.op_type != "Constant"


def _node(helper: Any, graph: Graph, node: NodeProto, capped: Collection[str]) -> Iterator[Any]:
    """Yield what takes the place of a node."""
    if node.op_type == "DequantizeLinear" or (node.op_type == "Cast" and _is_to_float(node)):
        yield helper.make_node("Identity", [node.input[0]], list(node.output))
    elif node.op_type == "QuantizeLinear":
        yield from _clipped(helper, graph, node, capped)
    elif node.op_type == "Pad" and len(node.input) > 2 and node.input[2] in graph.stored:
        node.input[2] = graph.store(f"{node.output[0]}/pad", _pad_value(graph, node))
        yield node
    else:
        yield node


def _clipped(helper: Any, graph: Graph, node: NodeProto, capped: Collection[str]) -> Iterator[Any]:
    stored = grid(graph, node)
    if stored is None:
        yield helper.make_node("Identity", [node.input[0]], list(node.output))
        return
    scale, zero, kind = stored
    limits = np.iinfo(kind)
    low, high = ((end - zero) * scale for end in (limits.min, limits.max))
    ends = ["", ""]
    if low == 0:
        ends[0] = graph.store(f"{node.output[0]}/low", np.float32(0))
        if node.output[0] in capped and high <= SIX * (1 + NEAR):
            ends[1] = graph.store(f"{node.output[0]}/high", np.float32(SIX))
    maker = graph.producer.get(node.input[0])
    if maker is not None and maker.op_type == "Pad" and not ends[0]:  # it must stay apart from a MaxPool (`pads`)
        ends[0] = graph.store(f"{node.output[0]}/low", np.finfo(np.float32).min)
    op = "Clip" if ends[0] else "Identity"
    given = [node.input[0], *ends] if op == "Clip" else [node.input[0]]
    while not given[-1]:
        given.pop()
    yield helper.make_node(op, given, list(node.output))


def _pad_value(graph: Graph, node: NodeProto) -> Array:
    """Return the real value that a Pad adds; an integer one is on the grid of the tensor before it."""
    value = graph.value(node.input[2])
    if np.issubdtype(value.dtype, np.floating):
        return value.astype(np.float32)
    name = node.input[0]
    while (maker := graph.producer.get(name)) is not None and maker.op_type != "QuantizeLinear":
        name = maker.input[0]
    if maker is None:
        return np.zeros((), np.float32)
    scale, zero = (graph.value(one) for one in maker.input[1:3])
    return ((value.astype(np.float32) - zero.astype(np.float32)) * scale).astype(np.float32).reshape(value.shape)


def _is_to_float(node: NodeProto) -> bool:
    from onnx import TensorProto

    kinds = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE)
    return any(one.name == "to" and one.i in kinds for one in node.attribute)


def _make_float(value: Any) -> None:
    from onnx import TensorProto

    kind = value.type.tensor_type
    if kind.elem_type in (TensorProto.FLOAT16, TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16):
        kind.elem_type = TensorProto.FLOAT


def _drop_unread(graph: Any) -> None:
    """Remove stored tensors that no node reads."""
    read = {name for node in graph.node for name in node.input} | {one.name for one in graph.output}
    kept = [type(one).FromString(one.SerializeToString()) for one in graph.initializer if one.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)
