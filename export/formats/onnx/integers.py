"""Transform a QDQ graph so that ONNX Runtime executes it in integers.

All tensors are unsigned here, including weights (zero point 128); `saturation` explains why.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from export.formats.onnx.graph import Graph
from export.formats.onnx.protos import GraphProto, NodeProto

SIGN = 128  # int8 + 128 is uint8: the same real values if the zero point is shifted too.
RECTIFIES = "rectifies"  # Marks a QuantizeLinear that replaces an activation.


def absorb_activations(proto: GraphProto) -> None:
    """Replace each Clip or Relu before an 8-bit QuantizeLinear by the limits of the quantized range.

    Rounding is monotone: if the bounds are the ends of the range, the Clip has no effect and is removed; otherwise it
    moves behind the rounding and works on integers.
    """
    from onnx import helper

    graph = Graph(proto)

    for node in list(proto.node):
        clip = graph.producer.get(node.input[0]) if node.op_type == "QuantizeLinear" else None
        if clip is None or clip.op_type not in ("Clip", "Relu") or graph.readers[clip.output[0]] > 1:
            continue
        bounds = _bounds(graph, clip)
        if bounds is None or not _is_per_tensor(graph, node):
            continue
        quantize = graph.quantizer(node)
        kind = graph.value(node.input[2]).dtype
        if kind.itemsize > 1:
            continue  # ONNX Runtime has no Clip for int16.
        low, high = (quantize(bound) for bound in bounds)
        node.input[0], node.doc_string = clip.input[0], RECTIFIES
        if (low, high) != (np.iinfo(kind).min, np.iinfo(kind).max):
            result = node.output[0]
            ends = [graph.store(f"{result}/{end}", np.array(end, kind)) for end in (low, high)]
            node.output[0] = f"{result}/unclipped"
            index = list(proto.node).index(node)
            proto.node.insert(index + 1, helper.make_node("Clip", [node.output[0], *ends], [result]))


def _is_per_tensor(graph: Graph, node: NodeProto) -> bool:
    return all(name in graph.stored and graph.value(name).ndim == 0 for name in node.input[1:3])


def _bounds(graph: Graph, clip: NodeProto) -> tuple[float, float] | None:
    if clip.op_type == "Relu":
        return 0.0, np.inf
    names = [*clip.input[1:], "", ""][:2]
    if any(name and name not in graph.stored for name in names):
        return None
    low, high = (float(graph.value(name)) if name else None for name in names)
    return (-np.inf if low is None else low), (np.inf if high is None else high)


def make_unsigned(proto: GraphProto, quantization: Mapping[str, Mapping[str, float]]) -> None:
    """Shift every int8 tensor of the graph, and its zero point, by 128 to uint8.

    Inputs and outputs keep their type through a requantization with the scale and zero point in `quantization`.
    """
    from onnx import TensorProto, numpy_helper

    for tensor in proto.initializer:
        if tensor.data_type == TensorProto.INT8:
            shifted = numpy_helper.to_array(tensor).astype(np.int16) + SIGN
            tensor.CopyFrom(numpy_helper.from_array(shifted.astype(np.uint8), tensor.name))
    for value in proto.input:
        if value.type.tensor_type.elem_type == TensorProto.INT8:
            _requantize(proto, value.name, quantization[value.name], is_input=True)
    for value in proto.output:
        if value.type.tensor_type.elem_type == TensorProto.INT8:
            _requantize(proto, value.name, quantization[value.name], is_input=False)


def _requantize(proto: GraphProto, name: str, parameters: Mapping[str, float], *, is_input: bool) -> None:
    """Insert a DequantizeLinear and a QuantizeLinear between the int8 tensor `name` and the unsigned graph."""
    from onnx import helper

    graph, inside = Graph(proto), f"{name}/unsigned"
    for node in proto.node:
        node.input[:] = [inside if given == name else given for given in node.input]
        node.output[:] = [inside if given == name else given for given in node.output]
    scale = graph.store(f"{name}/scale", np.float32(parameters["scale"]))
    signed = graph.store(f"{name}/signed", np.int8(parameters["zero_point"]))
    unsigned = graph.store(f"{name}/zero_point", np.uint8(parameters["zero_point"] + SIGN))
    before, after = ((name, signed), (inside, unsigned))[:: 1 if is_input else -1]
    real = f"{name}/real"
    proto.node.append(helper.make_node("DequantizeLinear", [before[0], scale, before[1]], [real]))
    proto.node.append(helper.make_node("QuantizeLinear", [real, scale, after[1]], [after[0]]))


def drop_requantizations(proto: GraphProto) -> None:
    """Remove each pair of DequantizeLinear and QuantizeLinear that returns its input."""
    from onnx import helper

    graph = Graph(proto)
    for index, node in enumerate(proto.node):
        source = graph.producer.get(node.input[0]) if node.op_type == "QuantizeLinear" else None
        if source is None or source.op_type != "DequantizeLinear":
            continue
        pairs = zip(source.input[1:], node.input[1:], strict=True)
        if all(graph.is_equal(one, other) for one, other in pairs):
            proto.node[index].CopyFrom(helper.make_node("Identity", [source.input[0]], list(node.output)))
    drop_identities(proto)


def drop_identities(proto: GraphProto) -> None:
    """Remove the Identity nodes of the graph, except those from an input to an output."""
    fixed = {value.name for value in (*proto.input, *proto.output)} | {t.name for t in proto.initializer}
    for index in reversed(range(len(proto.node))):
        node = proto.node[index]
        if node.op_type != "Identity":
            continue
        source, result = node.input[0], node.output[0]
        old, new = (source, result) if result in fixed else (result, source)
        if old in fixed:
            continue
        del proto.node[index]
        for other in proto.node:
            other.input[:] = [new if name == old else name for name in other.input]
            other.output[:] = [new if name == old else name for name in other.output]
