"""The types in which an .onnx stores its numbers."""

from __future__ import annotations

from collections.abc import Iterator

from export.formats.onnx import four_bits
from export.formats.onnx.protos import GraphProto, NodeProto, TensorProto
from export.formats.session import NumberTypes, number_types_of


def number_types(content: bytes) -> NumberTypes:
    """Return the types of the constants and of the results of QuantizeLinear, in the graph and its subgraphs.

    Rows that are rounded as the file runs, on a grid that it computes, are no quantized activations.
    """
    import onnx

    graphs = list(_graphs(onnx.load_from_string(content).graph))
    constants = {tensor.name: tensor for graph in graphs for tensor in graph.initializer}
    nodes = [node for graph in graphs for node in graph.node]
    inline = [one.t for node in nodes if node.op_type == "Constant" for one in node.attribute if one.name == "value"]
    packed = {node.input[1] for node in nodes if node.op_type == four_bits.OPERATOR and four_bits.has_four(node)}
    stored = (
        ("uint4" if tensor.name in packed else _name(tensor.data_type), list(tensor.dims))
        for tensor in (*constants.values(), *inline)
    )
    quantized = (
        _quantized(node, constants)
        for node in nodes
        if node.op_type == "QuantizeLinear" and node.input[0] not in constants and not _rounds_rows(node, constants)
    )
    return number_types_of(stored, quantized)


def _rounds_rows(node: NodeProto, constants: dict[str, TensorProto]) -> bool:
    """Return whether a QuantizeLinear has a scale for each row that the file computes; see `row_rounding`."""
    return node.input[1] not in constants and any(one.name == "axis" and one.i == 0 for one in node.attribute)


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _graphs(inner)


def _quantized(node: NodeProto, constants: dict[str, TensorProto]) -> str:
    """Return the type of a QuantizeLinear's result, which is that of its zero point; uint8 without one."""
    zero = constants.get(node.input[2]) if len(node.input) > 2 else None
    return _name(zero.data_type) if zero is not None else "uint8"


def _name(data_type: int) -> str:
    import onnx

    return str(onnx.helper.tensor_dtype_to_np_dtype(data_type).name)
