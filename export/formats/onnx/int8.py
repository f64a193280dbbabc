"""Derive an int8 .onnx with the same integers from an int8 .tflite."""

from __future__ import annotations

import json

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
    requantize.as_the_runtime_rounds(graph, leaky_in_float=is_mixed)
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
