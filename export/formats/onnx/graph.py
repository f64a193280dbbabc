"""Queries and edits of an ONNX graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from calibration.samples import Array
from export.formats.onnx.naming import needed
from export.formats.onnx.protos import GraphProto, NodeProto


class Graph:
    """An editable graph with producers, reader counts and stored tensors.

    Attributes:
        proto: the onnx GraphProto.
    """

    def __init__(self, proto: GraphProto) -> None:
        self.proto = proto
        self.stored = {tensor.name: tensor for tensor in proto.initializer}
        self.producer = {name: node for node in proto.node for name in node.output}
        self.readers = Counter(name for node in proto.node for name in needed(node))
        self.readers.update(value.name for value in proto.output)

    def value(self, name: str) -> Array:
        """Return the stored tensor of that name."""
        from onnx import numpy_helper

        return np.asarray(numpy_helper.to_array(self.stored[name]))

    def is_equal(self, one: str, other: str) -> bool:
        """Return whether two names have equal stored values of the same type."""
        if one == other:
            return True
        known = one in self.stored and other in self.stored
        if not known or self.stored[one].data_type != self.stored[other].data_type:
            return False
        return np.array_equal(self.value(one), self.value(other))

    def store(self, name: str, value: ArrayLike) -> str:
        """Store `value` under a new name and return that name."""
        from onnx import numpy_helper

        tensor = numpy_helper.from_array(np.asarray(value), name)
        self.proto.initializer.append(tensor)
        self.stored[name] = self.proto.initializer[-1]
        return name

    def quantizer(self, node: NodeProto) -> Callable[[float], int]:
        """Return the function of the per-tensor QuantizeLinear `node`, from real to stored numbers."""
        scale, zero_point = (self.value(name) for name in node.input[1:3])
        limits = np.iinfo(zero_point.dtype)

        def quantize(real: float) -> int:
            with np.errstate(over="ignore"):
                steps = np.rint(np.float32(real) / np.float32(scale)) + int(zero_point)
            return int(np.clip(steps, limits.min, limits.max))

        return quantize

    def replace_nodes(self, nodes: Iterable[Any]) -> None:
        """Replace the nodes of the graph by `nodes`, which may include old ones."""
        # Copy the nodes, because clearing the list invalidates the old ones.
        copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
        del self.proto.node[:]
        self.proto.node.extend(copies)
