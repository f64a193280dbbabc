"""Move transposes between channels-last and channels-first behind the arithmetic that follows them.

The converter wraps each convolution in two transposes. Most pairs cancel, but a transpose before a scale and an offset
remains and prevents folding batch norm into the convolution.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats.onnx.graph import Graph
from export.formats.onnx.protos import GraphProto, NodeProto

Permutation = tuple[int, ...]
Sources = Mapping[str, tuple[str, Permutation]]  # Output of a transpose: its input and permutation.
Stored = Mapping[str, Any]  # The TensorProto of an initializer, by name.

# fmt: off
_ELEMENTWISE = frozenset({
    "Abs", "Add", "Cast", "Ceil", "Clip", "Div", "Elu", "Erf", "Exp", "Floor", "HardSigmoid",
    "HardSwish", "Identity", "LeakyRelu", "Log", "Max", "Min", "Mul", "Neg", "Pow", "Reciprocal",
    "Relu", "Round", "Selu", "Sigmoid", "Sign", "Softplus", "Softsign", "Sqrt", "Sub", "Tanh",
})
# fmt: on
_PER_TENSOR = frozenset({"QuantizeLinear", "DequantizeLinear"})
_REDUCTIONS = frozenset({"ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum"})


def sink_transposes(graph: GraphProto) -> bool:
    """Rewrite `op(Transpose(x))` as `Transpose(op(x))` in the sorted `graph`; return whether any moved."""
    from onnx import helper

    stored = {tensor.name: tensor for tensor in graph.initializer}
    sources: dict[str, tuple[str, Permutation]] = {}
    nodes, moved = [], False
    for node in graph.node:
        if node.op_type == "Transpose" and node.attribute:
            sources[node.output[0]] = (node.input[0], tuple(node.attribute[0].ints))
        permutation = _common_permutation(node, sources, stored)
        nodes.append(node)
        if permutation is None or not _permute_parameters(graph, node, permutation, stored):
            continue
        moved = True
        node.input[:] = [sources[name][0] if name in sources else name for name in node.input]
        if node.op_type in _REDUCTIONS and not _attribute(node, "keepdims", 1):
            continue
        result, inner = node.output[0], f"{node.output[0]}~inner"
        node.output[0] = inner
        nodes.append(helper.make_node("Transpose", [inner], [result], perm=permutation))
        sources[result] = (inner, permutation)
    Graph(graph).replace_nodes(nodes)
    return moved


def _attribute(node: NodeProto, name: str, default: int) -> int:
    return next((int(attribute.i) for attribute in node.attribute if attribute.name == name), default)


def _common_permutation(node: NodeProto, sources: Sources, stored: Stored) -> Permutation | None:
    """Return the common permutation of all computed inputs of `node`; None if there is none."""
    if node.op_type not in _ELEMENTWISE | _PER_TENSOR | _REDUCTIONS | {"Concat"}:
        return None
    computed = [name for name in node.input if name and name not in stored]
    permutations = {sources[name][1] if name in sources else None for name in computed}
    return permutations.pop() if len(permutations) == 1 else None


def _permute_parameters(graph: GraphProto, node: NodeProto, permutation: Permutation, stored: Stored) -> bool:
    """Permute the constants and axes of `node` to the order before the transpose; return False if that fails."""
    if node.op_type == "Concat":
        return len(node.input) == sum(name not in stored for name in node.input) and _permute_axis(node, permutation)
    if node.op_type in _REDUCTIONS:
        return _permute_axes(graph, node, permutation, stored)
    constants = {name: _value(stored[name]) for name in node.input if name in stored}
    if node.op_type in _PER_TENSOR and any(value.ndim for value in constants.values()):
        return False
    if any(value.ndim > len(permutation) for value in constants.values()):
        return False
    if node.op_type != "Clip":  # Its bounds are scalars.
        for name, value in constants.items():
            if value.ndim:
                _replace_constant(graph, node, name, _before(value, permutation))
    return True


def _permute_axis(node: NodeProto, permutation: Permutation) -> bool:
    for attribute in node.attribute:
        if attribute.name == "axis":
            attribute.i = permutation[attribute.i]
    return True


def _permute_axes(graph: GraphProto, node: NodeProto, permutation: Permutation, stored: Stored) -> bool:
    if len(node.input) < 2 or node.input[1] not in stored:
        return False
    axes = [permutation[axis] for axis in _value(stored[node.input[1]])]
    left = [axis for axis in permutation if axis not in axes]
    if not _attribute(node, "keepdims", 1) and left != sorted(left):
        return False  # The remaining axes would still be transposed.
    _replace_constant(graph, node, node.input[1], np.sort(np.array(axes, np.int64)))
    return True


def _value(tensor: Any) -> Array:
    from onnx import numpy_helper

    return np.asarray(numpy_helper.to_array(tensor))


def _before(value: Array, permutation: Permutation) -> Array:
    """Return a constant that broadcasts against the transposed tensor, permuted for the tensor before the transpose."""
    full = value.reshape((1,) * (len(permutation) - value.ndim) + value.shape)
    moved = np.ascontiguousarray(full.transpose(np.argsort(permutation)))
    # (C, 1, 1) rather than (1, C, 1, 1), because the runtime only fuses that form into a convolution.
    return moved[0] if moved.shape[0] == 1 else moved


def _replace_constant(graph: GraphProto, node: NodeProto, name: str, value: Array) -> None:
    from onnx import numpy_helper

    fresh = f"{name}~{node.output[0]}"
    graph.initializer.append(numpy_helper.from_array(value, fresh))
    node.input[:] = [fresh if given == name else given for given in node.input]
