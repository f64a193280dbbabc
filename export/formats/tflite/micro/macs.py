"""Count the products of a .tflite: multiply-accumulate operations of one inference."""

from __future__ import annotations

from math import prod
from typing import Any

from export.formats.tflite import flatbuffer


def macs(model: flatbuffer.Model) -> int:
    """Return the products of all layers with weights, and of products of matrices; sums and tables count as none."""
    return sum(
        _of(flatbuffer.op_name(model, operator), graph, operator)
        for graph in model.subgraphs
        for operator in graph.operators
    )


def _of(name: str, graph: Any, operator: Any) -> int:
    def shape(index: int) -> tuple[int, ...]:
        found = graph.tensors[index].shape
        return () if found is None else tuple(int(size) for size in found)

    inputs = [shape(int(index)) for index in operator.inputs if index >= 0]
    output = shape(int(operator.outputs[0]))
    if name in ("CONV_2D", "CONV_3D"):  # each output sums one filter, whose first axis is the output channel
        return prod(output) * prod(inputs[1]) // inputs[1][0]
    if name == "DEPTHWISE_CONV_2D":
        return prod(output) * prod(inputs[1][:-1])
    if name == "FULLY_CONNECTED":
        return prod(output) * inputs[1][-1]
    if name == "TRANSPOSE_CONV":  # each input number is spread over one filter
        return prod(inputs[2][:-1]) * prod(inputs[1])
    if name == "BATCH_MATMUL":
        options = operator.builtinOptions
        return prod(output) * inputs[0][-2 if options is not None and options.adjX else -1]
    return 0
