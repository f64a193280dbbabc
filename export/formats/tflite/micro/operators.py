"""The operators of a .tflite one by one, and its inputs and outputs, as a compiler for an NPU left them."""

from __future__ import annotations

from typing import Any

from export.formats.footprint import NamedOperator
from export.formats.tflite import flatbuffer


def operators(content: bytes) -> tuple[NamedOperator, ...]:
    """Return the operators of all graphs, with the names of their first outputs."""
    model = flatbuffer.read(content)
    return tuple(
        NamedOperator(
            name=flatbuffer.op_name(model, operator),
            output=_first_output(graph, operator),
        )
        for graph in model.subgraphs
        for operator in graph.operators
    )


def edges(content: bytes) -> tuple[tuple[Any, ...], ...]:
    """Return the shape, type and grid of every input and output."""
    graph = flatbuffer.read(content).subgraphs[0]
    return tuple(_edge(graph.tensors[int(index)]) for index in (*graph.inputs, *graph.outputs))


def _edge(tensor: Any) -> tuple[Any, ...]:
    grid = tensor.quantization
    numbers = () if grid is None or grid.scale is None else (*map(float, grid.scale), *map(int, grid.zeroPoint))
    return (*map(int, tensor.shape), flatbuffer.type_name(tensor), *numbers)


def _first_output(graph: Any, operator: Any) -> str:
    """Return the name of an operator's first output; empty if it has none, as one that assigns a variable."""
    places = [int(index) for index in operator.outputs if int(index) >= 0]
    return graph.tensors[places[0]].name.decode(errors="replace") if places else ""
