"""Count the operators of a .tflite by arithmetic."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from export.formats.session import OpCount
from export.formats.tflite import flatbuffer

# Operators that only move data; QUANTIZE and DEQUANTIZE are the seams between integer and float parts.
MOVES = frozenset({
    "RESHAPE", "TRANSPOSE", "PAD", "PADV2", "MIRROR_PAD", "CONCATENATION", "SLICE", "STRIDED_SLICE", "SPLIT", "PACK",
    "UNPACK", "GATHER", "GATHER_ND", "SQUEEZE", "EXPAND_DIMS", "SHAPE", "QUANTIZE", "DEQUANTIZE", "CAST",
    "BROADCAST_TO", "SPACE_TO_DEPTH", "DEPTH_TO_SPACE", "EMBEDDING_LOOKUP", "RESIZE_NEAREST_NEIGHBOR",
})  # fmt: skip


def census(path: Path) -> list[OpCount]:
    """Return the number of occurrences of each operator by arithmetic; see `OpCount`."""
    model = flatbuffer.read(path.read_bytes())
    counts: Counter[tuple[str, str]] = Counter()
    for subgraph in model.subgraphs:
        for operator in subgraph.operators:
            name = flatbuffer.op_name(model, operator)
            counts[name, _arithmetic(name, subgraph, operator)] += 1
    return [OpCount(op=op, arithmetic=kind, count=count) for (op, kind), count in sorted(counts.items())]


def select_ops(content: bytes) -> tuple[str, ...]:
    """Return the operators of TensorFlow itself in a file, such as FlexMaxPool3D."""
    if b"Flex" not in content:
        return ()
    model = flatbuffer.read(content)
    names = (flatbuffer.op_name(model, operator) for graph in model.subgraphs for operator in graph.operators)
    return tuple(dict.fromkeys(name for name in names if name.startswith("Flex")))


def _arithmetic(name: str, subgraph: Any, operator: Any) -> str:
    from ai_edge_litert import schema_py_generated as schema

    if name in MOVES:
        return "none"
    floats = (schema.TensorType.FLOAT32, schema.TensorType.FLOAT16, schema.TensorType.FLOAT64)
    kinds = {subgraph.tensors[index].type for index in [*operator.inputs, *operator.outputs] if index >= 0}
    if not kinds.isdisjoint(floats):
        return "float"
    return "int16" if schema.TensorType.INT16 in kinds else "integer"
