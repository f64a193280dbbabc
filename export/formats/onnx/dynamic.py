"""Derive an .onnx with int8 weights, whose layers round their inputs to 8 bits as they run, from such a .tflite.

Each row of a layer's input, the vector of a token, has a scale and a zero point of its own, as in LiteRT (XNNPACK's
"qd8"). ONNX Runtime's DynamicQuantizeLinear has one for all rows together, which costs much: on 120 sentences, the
vectors of MiniLM keep a cosine of 0.992 with quantize_dynamic, and of 0.999 so. All operators are of the standard's
own domain, so that any runtime has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats.onnx import four_bits
from export.formats.onnx.encoder_decoder import SOURCE_KEY
from export.formats.onnx.float_weights import store_integers
from export.formats.onnx.graph import Graph
from export.formats.onnx.naming import drop_unused, subgraphs
from export.formats.onnx.protos import GraphProto, NodeProto
from export.formats.onnx.row_rounding import Rounding
from export.formats.onnx.saturation import is_safe
from export.formats.onnx.sibling import read_sibling, seal
from export.formats.onnx.weights_only import spell_out_dequantizations
from export.formats.tflite import flatbuffer, lookups
from export.formats.tflite import four_bits as in_tflite
from export.formats.tflite.decoder import length_of

OFFSET = 128  # of unsigned weights


def derive(sibling: bytes, float_file: bytes) -> bytes:
    """Return the .onnx of a .tflite with float activations and weights of 8 or 4 bits: the same integers and scales.

    The graph is the sibling's. That of a decoder, whose .tflite has another form, is the float file's, and so is that
    of a file with weights of 4 bits, which tf2onnx cannot read.

    Raises:
        ConversionError: ONNX has no counterpart for an operator, or a layer of the float file is not in the sibling.
    """
    import onnx

    model = flatbuffer.read(sibling)
    if length_of(model) is None and not in_tflite.has_any(model):
        lookups.undo(model)
        proto = read_sibling(flatbuffer.write(model))
    else:
        proto = onnx.load_from_string(float_file)
        four_bits.store(proto.graph, model)
        if any(node.domain == four_bits.DOMAIN for node in proto.graph.node):
            proto.opset_import.add(domain=four_bits.DOMAIN, version=1)
        store_integers(proto.graph, model)
    rewrite(proto.graph, may_have_no_rows=any(one.key == SOURCE_KEY for one in proto.metadata_props))
    spell_out_dequantizations(proto.graph)
    drop_unused(proto.graph)
    return seal(proto)


def rewrite(proto: GraphProto, scope: str = "", *, may_have_no_rows: bool = False) -> None:
    """Let the products and lookups of a graph, and of its loops, read the stored integers, in place.

    Args:
        proto: the graph.
        scope: begins the names of stored constants, which must differ from those outside of a loop.
        may_have_no_rows: whether inputs of layers, all (rows, width), may have no rows: of the encoder, in all steps
            but the first.
    """
    for number, inner in enumerate(inner for node in proto.node for inner in subgraphs(node)):
        rewrite(inner, f"{scope}loop{number}/")
    graph = Graph(proto)
    _Rewriting(graph, _read_both_ways(graph), scope, may_have_no_rows).run()


# Operators that read a matrix -> the place of the matrix.
_PLACES = {"MatMul": 1, "Gemm": 1, "Gather": 0}


def _dequantized(graph: Graph, node: NodeProto) -> NodeProto | None:
    """Return the DequantizeLinear of the stored integers that a product or a lookup reads; None for others."""
    place = _PLACES.get(node.op_type)
    maker = graph.producer.get(node.input[place]) if place is not None else None
    if maker is not None and maker.op_type == "Transpose" and node.op_type == "MatMul":
        maker = graph.producer.get(maker.input[0])
    if maker is None or maker.op_type != "DequantizeLinear" or maker.input[0] not in graph.stored:
        return None
    stored = graph.value(maker.input[0])
    is_matrix = stored.dtype == np.int8 and stored.ndim == 2 and not graph.value(maker.input[2]).any()
    return maker if is_matrix else None


def _is_transposed(graph: Graph, node: NodeProto) -> bool:
    """Return whether a product reads its matrix by rows: a Gemm, or the MatMul of a table that is the head as well."""
    maker = graph.producer.get(node.input[1])
    is_turned = node.op_type == "MatMul" and maker is not None and maker.op_type == "Transpose"
    return is_turned or any(one.name == "transB" and one.i for one in node.attribute)


def _read_both_ways(graph: Graph) -> frozenset[str]:
    """Return the tables (rows, width) whose rows are looked up and multiplied: an embedding that is also the head."""
    readers: dict[str, set[str]] = {}
    for node in graph.proto.node:
        maker = _dequantized(graph, node)
        if maker is not None and (node.op_type == "Gather" or _is_transposed(graph, node)):
            readers.setdefault(maker.input[0], set()).add("lookup" if node.op_type == "Gather" else "product")
    return frozenset(name for name, kinds in readers.items() if len(kinds) > 1)


@dataclass
class _Rewriting:
    """The rewriting of one graph.

    Attributes:
        graph: the graph.
        shared: tables that are stored once, transposed, for products and for lookups.
        scope: begins the names of stored constants.
        may_have_no_rows: whether inputs of layers, all (rows, width), may have no rows in some steps.
        rounded: inputs of layers that are rounded already.
    """

    graph: Graph
    shared: frozenset[str]
    scope: str = ""
    may_have_no_rows: bool = False
    rounded: dict[str, Rounding] = field(default_factory=dict)

    def run(self) -> None:
        """Replace products with stored integers, and rows of stored tables, in place."""
        nodes: list[Any] = []
        for node in self.graph.proto.node:
            dequantized = _dequantized(self.graph, node)
            if dequantized is None:
                nodes.append(node)
            elif node.op_type == "Gather":
                nodes.extend(self._rows(node, dequantized))
            else:
                nodes.extend(self._product(node, dequantized))
        self.graph.replace_nodes(nodes)

    def _rows(self, node: NodeProto, dequantized: NodeProto) -> Iterator[Any]:
        """Yield the nodes that look up integers, and their scale."""
        from onnx import TensorProto, helper

        result, indices, table = node.output[0], node.input[1], dequantized.input[0]
        scale = np.broadcast_to(self.graph.value(dequantized.input[1]), self.graph.value(table).shape[:1])
        scales = self._stored(f"{table}/row_scales", scale.astype(np.float32)[:, None])
        if table in self.shared:
            stored = self._stored(f"{table}/weights", _unsigned(self.graph.value(table).T))
            yield helper.make_node("Gather", [stored, indices], [f"{result}/columns"], axis=1)
            yield helper.make_node("Cast", [f"{result}/columns"], [f"{result}/bytes"], to=TensorProto.FLOAT)
            yield helper.make_node("Transpose", [f"{result}/bytes"], [f"{result}/turned"], perm=[1, 0])
            offset = self._stored("rows/offset", np.float32(OFFSET))
            yield helper.make_node("Sub", [f"{result}/turned", offset], [f"{result}/cast"])
        else:
            yield helper.make_node("Gather", [table, indices], [f"{result}/integers"], axis=0)
            yield helper.make_node("Cast", [f"{result}/integers"], [f"{result}/cast"], to=TensorProto.FLOAT)
        yield helper.make_node("Gather", [scales, indices], [f"{result}/scale"], axis=0)
        yield helper.make_node("Mul", [f"{result}/cast", f"{result}/scale"], [result])

    def _product(self, node: NodeProto, dequantized: NodeProto) -> Iterator[Any]:
        """Yield the nodes of a product of integers: (q - zero) W = q W - zero * (sum of each column of W)."""
        from onnx import TensorProto, helper

        result, table = node.output[0], dequantized.input[0]
        weights = self.graph.value(table)
        weights = weights.T if _is_transposed(self.graph, node) else weights
        scale = np.broadcast_to(self.graph.value(dequantized.input[1]).astype(np.float32), weights.shape[1:])
        stored, offset = self._weights(table, weights)
        yield from self._round(node.input[0], weights.shape[0])
        rounded = self.rounded[node.input[0]]
        columns = self._stored(f"{table}/columns", weights.sum(axis=0, dtype=np.int64).astype(np.float32))
        zeros = self._stored("rows/zero", np.uint8(0)), offset
        yield helper.make_node("MatMulInteger", [rounded.integers, stored, *zeros], [f"{result}/sums"])
        yield helper.make_node("Cast", [f"{result}/sums"], [f"{result}/cast"], to=TensorProto.FLOAT)
        yield helper.make_node("Mul", [rounded.zero, columns], [f"{result}/offset"])
        yield helper.make_node("Sub", [f"{result}/cast", f"{result}/offset"], [f"{result}/centred"])
        scales = self._stored(f"{table}/scale", scale)
        yield helper.make_node("Mul", [f"{result}/centred", scales], [f"{result}/steps"])
        bias = node.input[2] if len(node.input) > 2 else ""
        yield helper.make_node("Mul", [f"{result}/steps", rounded.scale], [f"{result}/product" if bias else result])
        if bias:
            yield helper.make_node("Add", [f"{result}/product", bias], [result])

    def _weights(self, table: str, weights: Array) -> tuple[str, str]:
        """Return the names of the stored weights (inputs, outputs) and of their zero point.

        They are signed where no CPU can saturate, and unsigned elsewhere: see `saturation`.
        """
        if table not in self.shared and is_safe(weights.T.astype(np.int16)):
            stored = self._stored(f"{table}/weights", np.ascontiguousarray(weights))
            return stored, self._stored("weights/signed_zero", np.int8(0))
        return self._stored(f"{table}/weights", _unsigned(weights)), self._stored("weights/zero", np.uint8(OFFSET))

    def _round(self, name: str, width: int) -> Iterator[Any]:
        """Yield the nodes that round the rows of a tensor to 8 bits, unless another product has done so."""
        if name not in self.rounded:
            self.rounded[name] = Rounding(name=name, width=width, may_have_no_rows=self.may_have_no_rows)
            yield from self.rounded[name].nodes(self._stored)

    def _stored(self, name: str, value: Any) -> str:
        name = self.scope + name
        return name if name in self.graph.stored else self.graph.store(name, value)


def _unsigned(weights: Array) -> Array:
    """Return signed bytes as unsigned ones, row by row in memory."""
    return np.ascontiguousarray(weights.astype(np.int16) + OFFSET).astype(np.uint8)
