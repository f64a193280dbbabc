"""Real values of the constants that ONNX nodes read, through dequantization, casts and reshapes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.errors import ConversionError
from export.formats.onnx.naming import subgraphs
from export.formats.onnx.protos import GraphProto, NodeProto

Numbers = NDArray[Any]


class Constants:
    """The constants of a graph and its subgraphs.

    Attributes:
        nodes: nodes in the order of the file, the outermost graph's first, without nodes that only convert constants.
    """

    def __init__(self, proto: GraphProto) -> None:
        graphs = list(_with_inner(proto))
        self._stored = {tensor.name: tensor for graph in graphs for tensor in graph.initializer}
        self._producer = {name: node for graph in graphs for node in graph.node for name in node.output}
        self.nodes = [node for graph in graphs for node in graph.node if not self._is_constant(node)]

    def real(self, name: str) -> Numbers | None:
        """Return the real values of `name`; None if they depend on an input or an unknown operator.

        Integers are dequantized in float64, which preserves every step.
        """
        from onnx import numpy_helper

        if name in self._stored:
            return np.asarray(numpy_helper.to_array(self._stored[name]))
        node = self._producer.get(name)
        if node is None or node.op_type not in _OPERATORS:
            return None
        values = [self.real(given) for given in node.input if given]
        known = [value for value in values if value is not None]
        return _OPERATORS[node.op_type](node, *known) if known and len(known) == len(values) else None

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Return the shape of `real(name)`, without computing its values if possible."""
        if name in self._stored:
            return tuple(self._stored[name].dims)
        node = self._producer.get(name)
        if node is not None and node.op_type in _LIKE_FIRST:
            return self.shape(node.input[0]) if self._is_constant(node) else None
        value = self.real(name)
        return None if value is None else value.shape

    def reader(self, name: str) -> NodeProto | None:
        """Return the node that reads `name`, if there is exactly one."""
        found = [node for node in self.nodes if name in node.input]
        return found[0] if len(found) == 1 else None

    def maker(self, name: str) -> NodeProto | None:
        """Return the node that computes `name`; None for stored tensors and inputs."""
        return self._producer.get(name)

    def _is_constant(self, node: NodeProto) -> bool:
        """Return whether `real` can compute the output of the node."""
        if node.op_type not in _OPERATORS:
            return False
        sources = ((name, self._producer.get(name)) for name in node.input if name)
        return all(name in self._stored or (maker is not None and self._is_constant(maker)) for name, maker in sources)


def _with_inner(graph: GraphProto) -> Iterator[GraphProto]:
    yield graph
    for node in graph.node:
        for inner in subgraphs(node):
            yield from _with_inner(inner)


def attribute(node: NodeProto, name: str, default: Any) -> Any:
    """Return the value of an attribute, or `default` if the node does not have it."""
    from onnx import helper

    return next((helper.get_attribute_value(found) for found in node.attribute if found.name == name), default)


def _dequantize(node: NodeProto, stored: Numbers, scale: Numbers, zero_point: Numbers | None = None) -> Numbers:
    shape = [1] * stored.ndim
    if scale.size > 1:
        axis = attribute(node, "axis", 1)
        if not -stored.ndim <= axis < stored.ndim or stored.shape[axis] != scale.size:
            raise ConversionError(f"{node.name or node.output[0]} has {scale.size} scales, but not on its axis {axis}")
        shape[axis] = scale.size
    offset = np.zeros(()) if zero_point is None else zero_point.astype(np.float64)
    offset = offset.reshape(shape if offset.size > 1 else ())
    factor = scale.astype(np.float64).reshape(shape if scale.size > 1 else ())
    real: Numbers = stored.astype(np.float64)
    real -= offset  # In place, because the largest layers have a hundred million weights.
    real *= factor
    return real


def _cast(_node: NodeProto, value: Numbers) -> Numbers:
    """Return integers as float64, which is exact; keep float16, whose step size must stay known."""
    return value.astype(np.float64) if np.issubdtype(value.dtype, np.integer) else value


def _transpose(node: NodeProto, value: Numbers) -> Numbers:
    return value.transpose(attribute(node, "perm", None))


# Operators that the converter and the runtime write between a stored constant and its reader.
_OPERATORS: dict[str, Callable[..., Numbers]] = {
    "Cast": _cast,
    "DequantizeLinear": _dequantize,
    "Identity": lambda _node, value: value,
    "Mul": lambda _node, value, factor: value * factor.astype(np.float64),
    "Reshape": lambda _node, value, shape: value.reshape(shape),
    "Sub": lambda _node, value, offset: value - offset.astype(np.float64),
    "Transpose": _transpose,
}

# Operators whose output has the shape of their first input.
_LIKE_FIRST = frozenset({"Cast", "DequantizeLinear", "Identity"})
