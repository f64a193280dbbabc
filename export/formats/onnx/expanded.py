"""Write integer operators of an .onnx as the float operator between DequantizeLinear and QuantizeLinear.

Every tool's file then has one form: QLinearConv and its relatives, ConvInteger and MatMulInteger behind a
DynamicQuantizeLinear, and constants that are nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from export.formats.onnx.graph import Graph
from export.formats.onnx.protos import ModelProto, NodeProto

# Integer operator -> float operator with one quantized input: (x, x_scale, x_zero, y_scale, y_zero).
_UNARY = {
    "QLinearAveragePool": "AveragePool",
    "QLinearGlobalAveragePool": "GlobalAveragePool",
    "QLinearLeakyRelu": "LeakyRelu",
    "QLinearSigmoid": "Sigmoid",
    "QLinearSoftmax": "Softmax",
}
_BINARY = {"QLinearAdd": "Add", "QLinearMatMul": "MatMul", "QLinearMul": "Mul"}
_INTEGER = {"ConvInteger": "Conv", "MatMulInteger": "MatMul"}
# Attributes of the runtime's own operators that the float operators do not have.
_OWN = frozenset({"channels_last", "opset"})


def expand(proto: ModelProto) -> None:
    """Replace the integer operators of a parsed file, in place."""
    graph = Graph(proto.graph)
    _store_constants(graph)
    _Expansion(graph).run()


def _store_constants(graph: Graph) -> None:
    """Store the values of Constant nodes like all other constants."""
    from onnx import helper, numpy_helper

    kept = []
    for node in graph.proto.node:
        values = {one.name: one for one in node.attribute}
        if node.op_type != "Constant" or "sparse_value" in values:
            kept.append(node)
            continue
        value = helper.get_attribute_value(next(iter(values.values())))
        is_tensor = "value" in values
        graph.store(node.output[0], numpy_helper.to_array(value) if is_tensor else _typed(values, value))
    graph.replace_nodes(kept)
    graph.producer = {name: node for node in graph.proto.node for name in node.output}


def _typed(values: dict[str, Any], value: Any) -> Any:
    return np.asarray(value, np.float32 if any(name.startswith("value_float") for name in values) else np.int64)


class _Expansion:
    """One edit of a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: list[Any] = []
        self.dropped: set[str] = set()  # outputs of the nodes that a pattern replaces

    def run(self) -> None:
        dynamic = [node for node in self.graph.proto.node if node.op_type in _INTEGER]
        patterns = {node.output[0]: self._pattern(node) for node in dynamic}
        for found in patterns.values():
            self.dropped |= {one.output[0] for one in found or ()}
        for node in self.graph.proto.node:
            if node.op_type in _INTEGER and (found := patterns[node.output[0]]) is not None:
                self._dynamic(node, found)
            elif node.output[0] not in self.dropped:
                self._node(node)
        unread = {name for node in self.nodes for name in node.input} | {one.name for one in self.graph.proto.output}
        kept = [node for node in self.nodes if node.op_type != "DynamicQuantizeLinear" or unread & set(node.output)]
        self.graph.replace_nodes(_sorted(kept, self.graph))

    def _node(self, node: NodeProto) -> None:
        kind, given = node.op_type, list(node.input)
        if kind == "QLinearConv":
            bias = [self._bias(node, given[8], given[1], given[4])] if len(given) > 8 and given[8] else []
            weights = self._real(node, given[3:6], axis=0)
            self._between(node, "Conv", [self._real(node, given[:3]), weights, *bias], given[6:8])
        elif kind == "QGemm":
            transposed = next((one.i for one in node.attribute if one.name == "transB"), 0)
            bias = [self._bias(node, given[6], given[1], given[4])] if len(given) > 6 and given[6] else []
            weights = self._real(node, given[3:6], axis=0 if transposed else 1)
            self._between(node, "Gemm", [self._real(node, given[:3]), weights, *bias], given[7:9])
        elif kind in _BINARY:
            both = [self._real(node, given[:3]), self._real(node, given[3:6], axis=1)]
            self._between(node, _BINARY[kind], both, given[6:8])
        elif kind in _UNARY:
            self._between(node, _UNARY[kind], [self._real(node, given[:3])], given[3:5])
        elif kind == "QLinearConcat":
            parts = [self._real(node, given[place : place + 3]) for place in range(2, len(given), 3)]
            self._between(node, "Concat", parts, given[:2])
        else:
            self.nodes.append(node)

    def _real(self, node: NodeProto, given: Sequence[str], axis: int = 1) -> str:
        """Add a DequantizeLinear and return its output."""
        from onnx import helper

        name = f"{node.output[0]}/real/{len(self.nodes)}"
        self.nodes.append(helper.make_node("DequantizeLinear", [one for one in given if one], [name], axis=axis))
        return name

    def _bias(self, node: NodeProto, bias: str, scale: str, weight_scale: str) -> str:
        products = self.graph.value(scale).reshape(()) * self.graph.value(weight_scale)
        stored = self.graph.store(f"{node.output[0]}/bias_scale", products)
        return self._real(node, [bias, stored], axis=0)

    def _between(self, node: NodeProto, kind: str, inputs: Sequence[str], grid: Sequence[str]) -> None:
        from onnx import helper

        result = f"{node.output[0]}/float" if grid else node.output[0]
        new = helper.make_node(kind, list(inputs), [result], name=node.name)
        new.attribute.extend(one for one in node.attribute if one.name not in _OWN)
        self.nodes.append(new)
        if grid:
            self.nodes.append(helper.make_node("QuantizeLinear", [result, *grid], [node.output[0]]))

    def _pattern(self, node: NodeProto) -> tuple[Any, ...] | None:
        """Return the Cast and the two Muls behind an operator on dynamically quantized inputs; None if they differ."""
        source = self.graph.producer.get(node.input[0])
        cast = self._reader(node.output[0], "Cast")
        product = self._reader(cast.output[0], "Mul") if cast is not None else None
        if source is None or source.op_type != "DynamicQuantizeLinear" or cast is None or product is None:
            return None
        scales = self.graph.producer.get(next(name for name in product.input if name != cast.output[0]))
        if scales is None or scales.op_type != "Mul":
            return None
        return cast, product, scales

    def _reader(self, name: str, kind: str) -> Any:
        found = [node for node in self.graph.proto.node if name in node.input]
        return found[0] if len(found) == 1 and found[0].op_type == kind else None

    def _dynamic(self, node: NodeProto, pattern: tuple[Any, ...]) -> None:
        from onnx import helper

        _, product, scales = pattern
        scale = next(name for name in scales.input if name in self.graph.stored)
        zero = [node.input[3]] if len(node.input) > 3 and node.input[3] else []
        axis = 0 if node.op_type == "ConvInteger" else 1
        self._flatten(scale)
        weights = self._real(node, [node.input[1], scale, *zero], axis=axis)
        source = self.graph.producer[node.input[0]].input[0]
        new = helper.make_node(_INTEGER[node.op_type], [source, weights], [product.output[0]], name=node.name)
        new.attribute.extend(node.attribute)
        self.nodes.append(new)

    def _flatten(self, scale: str) -> None:
        """Give scales of one number for each channel one axis, and a single scale none."""
        from onnx import numpy_helper

        values = self.graph.value(scale)
        flat = values.reshape(-1) if values.size > 1 else values.reshape(())
        self.graph.stored[scale].CopyFrom(numpy_helper.from_array(flat, scale))


def _sorted(nodes: Sequence[Any], graph: Graph) -> list[Any]:
    """Return nodes in an order in which each follows those that it reads."""
    known = {*graph.stored, *(one.name for one in graph.proto.input), ""}
    made = {name for node in nodes for name in node.output}
    left, result = list(nodes), list[Any]()
    while left:
        ready = [node for node in left if all(name in known or name not in made for name in node.input)]
        if not ready:
            return [*result, *left]
        result += ready
        known |= {name for node in ready for name in node.output}
        done = {id(node) for node in ready}
        left = [node for node in left if id(node) not in done]
    return result
