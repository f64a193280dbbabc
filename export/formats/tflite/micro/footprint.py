"""The memory, the work and the operators of a .tflite on a microcontroller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from export.errors import ConversionError
from export.formats.footprint import Footprint
from export.formats.tflite import flatbuffer
from export.formats.tflite.micro.kernels import METHODS, kept_bytes, lacking
from export.formats.tflite.micro.live_ranges import buffers, size_bytes
from export.formats.tflite.micro.macs import macs
from export.formats.tflite.micro.planner import aligned, peak_bytes

# Structures of the interpreter in a build for 64 bits, which are larger than those of a microcontroller.
TENSOR_BYTES, NODE_BYTES, EDGE_BYTES, INTERPRETER_BYTES = 24, 64, 112, 544
# Structures while it plans: by tensor, by tensor or scratch buffer that gets a place, and once.
RANGE_BYTES, PLACE_BYTES, PLAN_BYTES = 32, 40, 8


def footprint(content: bytes) -> Footprint:
    """Return what a file needs.

    Raises:
        ConversionError: it has several graphs, or tensors without a size.
    """
    model = flatbuffer.read(content)
    if len(model.subgraphs) != 1:
        raise ConversionError(f"it has {len(model.subgraphs)} graphs, and memory is planned for one")
    (graph,) = model.subgraphs
    names = [flatbuffer.op_name(model, operator) for operator in graph.operators]
    placed = buffers(model, graph)
    return Footprint(
        activations_bytes=peak_bytes(placed),
        persistent_bytes=_persistent_bytes(graph, names),
        planning_bytes=aligned(RANGE_BYTES * len(graph.tensors) + PLACE_BYTES * len(placed) + PLAN_BYTES),
        flash_bytes=aligned(len(content)),
        macs=macs(model),
        has_floats=any(map(flatbuffer.is_float, graph.tensors)),
        kernels=tuple(sorted({METHODS[name] for name in names if name in METHODS})),
        lacking=tuple(sorted(set(lacking(model, graph)))),
    )


def _persistent_bytes(graph: Any, names: Sequence[str]) -> int:
    kept = sum(kept_bytes(name, graph, operator) for name, operator in zip(names, graph.operators, strict=True))
    variables = sum(aligned(size_bytes(tensor)) for tensor in graph.tensors if tensor.isVariable)
    edges = len(graph.inputs) + len(graph.outputs)
    structures = TENSOR_BYTES * len(graph.tensors) + NODE_BYTES * len(names) + EDGE_BYTES * edges + INTERPRETER_BYTES
    return aligned(structures + kept + variables)
