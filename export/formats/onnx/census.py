"""Which operators ONNX Runtime really executes for a file, and on which numbers they work."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

from export.errors import ConversionError
from export.formats.onnx.graph import Graph
from export.formats.onnx.protos import GraphProto, NodeProto
from export.formats.onnx.requantize import nudges
from export.formats.onnx.session import load_errors, save_optimized
from export.formats.session import OpCount

# They move or relabel numbers. QuantizeLinear and DequantizeLinear are the seams between the integer and the
# float part: what stands between them is counted, so a float island shows by its own operator, but for what only
# decides how a QuantizeLinear rounds.
MOVES = frozenset({
    "Cast", "Concat", "DepthToSpace", "DequantizeLinear", "Expand", "Flatten", "Gather", "GatherElements",
    "GatherND", "Identity", "Pad", "QuantizeLinear", "ReorderInput", "ReorderOutput", "Reshape", "Shape",
    "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze",
})  # fmt: skip
# Integer operators by name: some have float scales among their inputs, of some the results have no known type.
INTEGER = frozenset({"ConvInteger", "MatMulInteger", "NhwcMaxPool", "QGemm"})
FLOAT_RESULT = frozenset({"MatMulIntegerToFloat", "DynamicQuantizeMatMul", "DynamicQuantizeLinear"})


def census(path: Path) -> list[OpCount]:
    """Return how often each operator occurs after the runtime's own fusions, by arithmetic.

    "integer" works on integers, "float" on floats: a convolution that the runtime did not fuse with the
    QuantizeLinear and DequantizeLinear around it is float. "none" only moves data or is the seam of the two.
    """
    graph = _optimized(path)
    kinds, rounding = _element_kinds(graph), nudges(Graph(graph))
    counts = Counter((node.op_type, _arithmetic(node, kinds, rounding)) for node in graph.node)
    return [OpCount(op=op, arithmetic=kind, count=count) for (op, kind), count in sorted(counts.items())]


def _optimized(path: Path) -> Any:
    """Return the graph that the runtime makes of the file."""
    import onnx

    with tempfile.TemporaryDirectory(prefix="zoo-census-") as folder:
        target = Path(folder, "optimized.onnx")
        try:
            save_optimized(path, target, "ORT_ENABLE_ALL")
        except load_errors() as error:
            raise ConversionError(f"{path} cannot be loaded by ONNX Runtime: {error}") from error
        return onnx.load(str(target)).graph


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
    # Operators of the runtime's own leave some types unsaid; axes and shapes (int64) then say nothing either.
    known = {kind for kind in types if kind} - ({TensorProto.INT64} if not all(types) else set())
    return "float" if not known or known & floats else "integer"
