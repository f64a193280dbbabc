"""Faults in an .onnx."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# Operator -> the axes of its stored weights that are (height, width, input, output) channels.
_KERNELS = {"Conv": (2, 3, 1, 0), "MatMul": (0, 1), "Gemm": (0, 1)}


class OnnxFile:
    """A parsed .onnx whose layers are numbered in the order of the file."""

    def __init__(self, content: bytes) -> None:
        import onnx

        self._proto = onnx.load_from_string(content)
        self._graph = self._proto.graph
        self._layers = [node for node in self._graph.node if node.op_type in _KERNELS]

    def __len__(self) -> int:
        return len(self._layers)

    def kernel(self, layer: int) -> Array:
        """Return the stored weights of a layer (height, width, in, out), or (in, out), without their zero point."""
        node = self._layers[layer]
        stored = self._values(self._stored(node, 1)).transpose(_KERNELS[node.op_type])
        zero = self._zero_point(node)
        return stored.astype(np.int16) - zero if zero else stored.copy()

    def set_kernel(self, layer: int, kernel: Array) -> None:
        node = self._layers[layer]
        name, zero = self._stored(node, 1), self._zero_point(node)
        values = kernel.transpose(np.argsort(_KERNELS[node.op_type])) + zero
        self._set(name, values.astype(self._values(name).dtype))

    def drop_bias(self, layer: int) -> None:
        node = self._layers[layer]
        if len(node.input) > 2:
            name = self._stored(node, 2)
        else:  # the Add behind a MatMul
            (add,) = (other for other in self._graph.node if node.output[0] in other.input)
            name = next(name for name in add.input if name != node.output[0])
            name = self._stored(add, list(add.input).index(name))
        self._set(name, np.zeros_like(self._values(name)))

    def plant_nan(self, layer: int) -> None:
        """Put a NaN into a weight, or where weights are integers into the scale that turns them into numbers."""
        name = self._stored(self._layers[layer], 1)
        if not np.issubdtype(self._values(name).dtype, np.floating):
            (reader,) = (node for node in self._graph.node if name in node.input)
            name = reader.input[1]
        values = self._values(name).copy()
        values.flat[values.size // 2] = np.nan
        self._set(name, values)

    def requantize_input(self, scale: float, shift: int) -> None:
        """Declare another scale (by a factor) and zero point (by steps) for the input, in the graph and beside it."""
        name = self._graph.input[0].name
        (reader,) = (node for node in self._graph.node if name in node.input)
        while reader.op_type != "DequantizeLinear":
            (reader,) = (node for node in self._graph.node if reader.output[0] in node.input)
        self._own(reader, 1, self._values(reader.input[1]) * np.float32(scale))
        self._own(reader, 2, (self._values(reader.input[2]).astype(int) + shift).astype(np.uint8))
        (entry,) = self._proto.metadata_props
        declared = json.loads(entry.value)
        declared[name]["scale"] *= scale
        declared[name]["zero_point"] += shift
        entry.value = json.dumps(declared)

    def cap_relus(self) -> None:
        """Put a clip to 0..6 in place of every Relu."""
        from onnx import numpy_helper

        ends = [numpy_helper.from_array(np.float32(end), f"end_{end}") for end in (0, 6)]
        self._graph.initializer.extend(ends)
        for node in self._graph.node:
            if node.op_type == "Relu":
                node.op_type = "Clip"
                node.input.extend(end.name for end in ends)

    def swap_outputs(self) -> None:
        one, two = (value.name for value in self._graph.output)
        renamed = {one: two, two: one}
        for node in self._graph.node:
            node.input[:] = [renamed.get(name, name) for name in node.input]
            node.output[:] = [renamed.get(name, name) for name in node.output]

    def reorder_outputs(self) -> None:
        values = list(reversed(self._proto.graph.output))
        kept = [type(value).FromString(value.SerializeToString()) for value in values]
        del self._proto.graph.output[:]
        self._proto.graph.output.extend(kept)

    def content(self) -> bytes:
        return bytes(self._proto.SerializeToString())

    def _stored(self, node: Any, position: int) -> str:
        """Return the initializer behind an input, through what turns stored numbers into real ones."""
        name = node.input[position]
        producers = {other.output[0]: other for other in self._graph.node}
        while name in producers:
            name = producers[name].input[0]
        return str(name)

    def _zero_point(self, node: Any) -> int:
        name = self._stored(node, 1)
        (reader,) = (other for other in self._graph.node if name in other.input)
        has_one = reader.op_type == "DequantizeLinear" and len(reader.input) > 2
        return int(np.unique(self._values(reader.input[2])).item()) if has_one else 0

    def _values(self, name: str) -> Array:
        from onnx import numpy_helper

        return np.asarray(numpy_helper.to_array(self._initializer(name)))

    def _set(self, name: str, values: Array) -> None:
        from onnx import numpy_helper

        self._initializer(name).CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), name))

    def _own(self, node: Any, position: int, values: Array) -> None:
        """Give a node a constant of its own: equal ones are shared."""
        from onnx import numpy_helper

        name = f"{node.output[0]}/planted{position}"
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(values), name))
        node.input[position] = name

    def _initializer(self, name: str) -> Any:
        (found,) = (tensor for tensor in self._graph.initializer if tensor.name == name)
        return found
