"""Count the operators that ONNX Runtime executes for a file, by arithmetic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

from export import temporary
from export.formats.onnx.external_data import locations
from export.formats.onnx.graph import Graph
from export.formats.onnx.protos import GraphProto, NodeProto
from export.formats.onnx.requantize import nudges
from export.formats.onnx.session import LARGE_BYTES, cannot_load, load_errors, save_optimized
from export.formats.session import OpCount

# Operators that only move data. QuantizeLinear and DequantizeLinear are the seams between the integer and the float
# part. Operators between them are counted, so that a float island shows up, except those that only affect rounding.
MOVES = frozenset({
    "Cast", "Concat", "DepthToSpace", "DequantizeLinear", "Expand", "Flatten", "Gather", "GatherElements",
    "GatherND", "Identity", "Pad", "QuantizeLinear", "ReorderInput", "ReorderOutput", "Reshape", "Shape",
    "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze",
})  # fmt: skip

# Integer operators by name, because some have float scales among their inputs, or results of unknown type.
INTEGER = frozenset({"ConvInteger", "MatMulInteger", "NhwcMaxPool", "QGemm"})
FLOAT_RESULT = frozenset({"MatMulIntegerToFloat", "DynamicQuantizeMatMul", "DynamicQuantizeLinear"})


def census(path: Path) -> list[OpCount]:
    """Return the number of occurrences of each operator after the runtime's fusions, by arithmetic.

    "integer" operators compute in integers, "float" operators in floats: a convolution that the runtime did not fuse
    with the surrounding QuantizeLinear and DequantizeLinear is float. "none" only moves or converts data.
    """
    graph = _optimized(path)
    kinds, rounding = _element_kinds(graph), nudges(Graph(graph))
    counts = Counter((node.op_type, _arithmetic(node, kinds, rounding)) for node in graph.node)
    return [OpCount(op=op, arithmetic=kind, count=count) for (op, kind), count in sorted(counts.items())]


def _optimized(path: Path) -> Any:
    """Return the graph after the runtime's optimizations."""
    import onnx

    with temporary.folder() as folder:
        target, is_large = Path(folder, "optimized.onnx"), path.stat().st_size >= LARGE_BYTES or bool(locations(path))
        try:
            save_optimized(path, target, "ORT_ENABLE_ALL", weights_name="weights" if is_large else "")
        except load_errors() as error:
            temporary.check_room(path.stat().st_size)  # The runtime does not name a full disk as the cause.
            raise cannot_load(path, error) from error
        return onnx.load(str(target), load_external_data=False).graph


def _element_kinds(graph: GraphProto) -> dict[str, int]:
    kinds = {value.name: value.type.tensor_type.elem_type for value in (*graph.input, *graph.value_info)}
    kinds |= {value.name: value.type.tensor_type.elem_type for value in graph.output}
    return kinds | {tensor.name: tensor.data_type for tensor in graph.initializer}


def _arithmetic(node: NodeProto, kinds: dict[str, int], rounding: Collection[str]) -> str:
    from onnx import TensorProto

    if node.op_type in MOVES or node.output[0] in rounding:
        return "none"
    if node.op_type.startswith("QLinear") or node.op_type in INTEGER:
        return "integer"
    if node.op_type in FLOAT_RESULT:
        return "float"
    floats = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16}
    types = [kinds.get(name) for name in (*node.input, *node.output) if name]
    # Some types of the runtime's own operators are unknown; then types of axes and shapes (int64) are no evidence.
    known = {kind for kind in types if kind} - ({TensorProto.INT64} if not all(types) else set())
    return "float" if not known or known & floats else "integer"
