"""Derive an int8 .onnx with the same integers from an int8 .tflite."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from export.formats.onnx import (
    average_pool,
    batch_matmul,
    float_inputs,
    hard_swish,
    integers,
    islands,
    mixed,
    requantize,
    rsqrt,
    saturation,
    squared_difference,
)
from export.formats.onnx.layout import sink_transposes
from export.formats.onnx.naming import drop_unused, sort_nodes
from export.formats.onnx.sibling import read_sibling, seal
from export.formats.tflite import flatbuffer


def derive(sibling: bytes, *, is_mixed: bool = False) -> bytes:
    """Return the .onnx of an int8 .tflite: the same weights, scales and zero points, in unsigned form.

    Args:
        sibling: the .tflite.
        is_mixed: whether some layers are in higher precision.

    Raises:
        ConversionError: ONNX has no counterpart for an operator.
    """
    proto = read_sibling(sibling)
    quantization = json.loads(proto.metadata_props[0].value)
    graph = proto.graph
    integers.make_unsigned(graph, quantization)
    integers.absorb_activations(graph)
    islands.pad_integers(graph)
    integers.drop_requantizations(graph)
    sort_nodes(graph)
    sink_transposes(graph)
    sort_nodes(graph)
    if is_mixed:
        mixed.spell_out_wide_parts(graph)
        mixed.take_int16(proto)
    hard_swish.tabulate(graph)
    rsqrt.tabulate(graph)
    requantize.as_the_runtime_rounds(graph, frozenset(_leaky_grids(sibling)))
    float_inputs.round_as_the_runtime(graph)
    average_pool.as_the_runtime_rounds(graph)
    batch_matmul.as_the_runtime_rounds(graph)
    squared_difference.as_the_runtime_rounds(graph)
    drop_unused(graph)
    islands.pool_globally(proto)
    islands.keep_layers_in_float(graph)
    drop_unused(graph)
    islands.keep_loops_in_float(graph)
    saturation.sign_safe_weights(graph)
    return seal(proto)


def _leaky_grids(sibling: bytes) -> Iterator[tuple[float, float]]:
    """Yield the scales of input and output of each LEAKY_RELU of 8 bits, unless one in float has the same around it."""
    model = flatbuffer.read(sibling)
    graph = model.subgraphs[0]
    makers = {int(index): operator for operator in graph.operators for index in operator.outputs}
    readers = {int(index): operator for operator in graph.operators for index in operator.inputs}
    integer, real = set(), set()
    for operator in graph.operators:
        if flatbuffer.op_name(model, operator) != "LEAKY_RELU":
            continue
        ends = [int(operator.inputs[0]), int(operator.outputs[0])]
        if not flatbuffer.is_float(graph.tensors[ends[0]]):
            integer.add(_scales(graph, ends))
        elif ends[0] in makers and ends[1] in readers:
            real.add(_scales(graph, [int(makers[ends[0]].inputs[0]), int(readers[ends[1]].outputs[0])]))
    yield from integer - real


def _scales(graph: Any, ends: Sequence[int]) -> tuple[float, float]:
    grids = [graph.tensors[index].quantization for index in ends]
    one, other = (float(grid.scale[0]) if grid is not None and grid.scale is not None else 0.0 for grid in grids)
    return one, other
