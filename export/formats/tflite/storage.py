"""Compare the constants of a quantized .tflite with the float file's; rounding allows half a step.

Unlike outputs on samples, this comparison detects a single zeroed channel, and it needs no samples.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.formats.blocks import BLOCK, Blocks, on_grid
from export.formats.distance import largest_steps
from export.formats.pairing import LARGEST_PAIR, largest_pair
from export.formats.session import StorageReport
from export.formats.tflite import biases, flatbuffer, four_bits, lookups
from export.formats.tflite.layers import Layer, weighing
from export.formats.tflite.steps import SEAMS
from export.scheme import INT8, W8A16

# Minimum step relative to a layer's largest step, because finer steps in almost dead channels are meaningless.
SMALLEST_STEP = 1e-2

# By how much the grid of weights that are multiplied in pairs may be coarser than the best one that avoids saturation:
# the search for it grows in steps (`saturation.GROWTH`).
COARSER = 1.05

# ai-edge-quantizer takes no narrower range of weights.
NARROWEST = 1e-9


def compare(float_file: bytes, quantized_file: bytes) -> StorageReport:
    """Return the distance of the stored constants from the float constants, in steps of their grid.

    float16 constants have no grid; their step is one unit in the last place.
    """
    reference, quantized = flatbuffer.read(float_file), flatbuffer.read(quantized_file)
    lookups.use_like(quantized, reference)
    expected, found = ([_layers(one, subgraph) for subgraph in one.subgraphs] for one in (reference, quantized))
    if _names(reference, expected) != _names(quantized, found):
        return StorageReport(worst_steps=float("inf"), where="the order of the operators", constants=0)
    worst, where, constants = 0.0, "", 0
    room, best = _room(reference, quantized, expected[0], found[0])
    layers = {id(reference.subgraphs[0].operators[layer.position]) for layer in weighing(reference)}
    grids = four_bits.grids(reference) if four_bits.has_any(quantized) else {}
    for number, (operators, others) in enumerate(zip(expected, found, strict=True)):
        graph, other_graph = reference.subgraphs[number], quantized.subgraphs[number]
        for operator, other in zip(operators, others, strict=True):
            for position, (index, other_index) in enumerate(zip(operator.inputs, other.inputs, strict=True)):
                # A table that a lookup shares with a layer has a copy for the lookup, in a grid of its own.
                allowed, finest = (room.get(index), best.get(index)) if id(operator) in layers else (None, None)
                grid = grids.get(graph.tensors[index].buffer) if index >= 0 else None
                if grid is not None and flatbuffer.op_name(reference, operator) == four_bits.OPERATOR:
                    tensor = other_graph.tensors[other_index]
                    steps: float | None = _block_steps(
                        quantized, tensor, flatbuffer.constant(reference, graph.tensors[index]), grid
                    )
                else:
                    steps = _steps(reference, quantized, (graph, index), (other_graph, other_index), allowed, finest)
                if steps is None:
                    continue
                constants += 1
                if steps > worst:
                    name = graph.tensors[operator.outputs[0]].name.decode().split(";")[0]
                    worst, where = steps, f"input {position} of {name}"
    return StorageReport(worst_steps=worst, where=where, constants=constants)


def _layers(model: flatbuffer.Model, subgraph: Any) -> list[Any]:
    return [operator for operator in subgraph.operators if flatbuffer.op_name(model, operator) not in SEAMS]


def _names(model: flatbuffer.Model, graphs: list[list[Any]]) -> list[list[str]]:
    return [[flatbuffer.op_name(model, operator) for operator in operators] for operators in graphs]


Numbers = NDArray[np.float64]


def _room(
    reference: flatbuffer.Model, quantized: flatbuffer.Model, expected: list[Any], found: list[Any]
) -> tuple[dict[int, Numbers], dict[int, Numbers]]:
    """Return by tensor how much weights may be larger, because `biases.revive` increased them, and the best steps.

    The best step of integer weights is that of a grid that their channel just fits into; a coarser grid loses bits.
    """
    operators, others = reference.subgraphs[0].operators, quantized.subgraphs[0].operators
    integer = {id(others[layer.position]): layer for layer in weighing(quantized)}
    matches = {id(operator): other for operator, other in zip(expected, found, strict=True)}
    room: dict[int, Numbers] = {}
    best: dict[int, Numbers] = {}
    for layer in weighing(reference):
        operator = operators[layer.position]
        match = integer.get(id(matches[id(operator)]))
        if match is None or not _has_grid(match.weights):
            continue
        raised = _raised(reference, layer, match.source) if layer.bias is not None and _has_grid(match.source) else None
        for index in operator.inputs:
            if index >= 0 and reference.subgraphs[0].tensors[index] is layer.weights:
                step = _best(reference, layer, match, raised)
                # A step of its own for every weight would take eight times the size of the file.
                best[index] = np.maximum(best[index], step) if index in best else step
                if raised is not None:
                    room[index] = np.maximum(room.get(index, 0.0), raised)
    return room, best


def _has_grid(tensor: Any) -> bool:
    return tensor.quantization is not None and tensor.quantization.scale is not None


def _best(reference: flatbuffer.Model, layer: Layer, match: Layer, raised: Numbers | None) -> Numbers:
    """Return the step of the finest int8 grid of each channel, of the shape of the weights.

    Weights that a CPU multiplies in pairs may need a coarser grid (`saturation`).
    """
    from ai_edge_litert import schema_py_generated as schema

    weights = flatbuffer.constant(reference, layer.weights)
    channels = np.moveaxis(weights, layer.channel_axis, 0)
    rows = channels.reshape(len(channels), -1)
    largest = np.maximum(rows.max(axis=1), -rows.min(axis=1)).astype(np.float64)
    if raised is not None:
        largest = np.maximum(largest, np.moveaxis(raised, layer.channel_axis, 0).reshape(len(channels), -1).max(axis=1))
    smallest = max(SMALLEST_STEP * float(largest.max(initial=0)), NARROWEST)
    step = np.maximum(largest, smallest) / 127
    if layer.op in ("CONV_2D", "FULLY_CONNECTED") and match.source.type == schema.TensorType.INT8:
        pairs = largest_pair(np.rint(rows.astype(np.float64) / step[:, None]).T, channels.shape[1:])
        step = step * np.maximum(pairs / LARGEST_PAIR, 1.0) * COARSER
    shape = [1] * weights.ndim
    shape[layer.channel_axis] = -1
    return np.broadcast_to(step.reshape(shape), weights.shape)


def _raised(reference: flatbuffer.Model, layer: Layer, source: Any) -> NDArray[np.float64] | None:
    """Return what `biases.revive` may add to each weight of a layer that reads `source`; None if nothing."""
    from ai_edge_litert import schema_py_generated as schema

    arithmetic = W8A16 if source.type == schema.TensorType.INT16 else INT8
    # The 16-bit grid is symmetric, so its step may be twice the step that the bias was fitted to.
    slack = 2 if arithmetic == W8A16 else 1
    bias = flatbuffer.constant(reference, layer.bias).astype(np.float64)
    most = slack * biases.smallest_weight(bias, float(source.quantization.scale[0]), arithmetic)
    weights = flatbuffer.constant(reference, layer.weights)
    others = tuple(axis for axis in range(weights.ndim) if axis != layer.channel_axis % weights.ndim)
    largest = np.maximum(weights.max(axis=others), -weights.min(axis=others)).astype(np.float64)
    if not (largest < most).any():
        return None
    found: NDArray[np.float64] = np.zeros(weights.shape)
    biases.first_weights(found, layer)[:] = np.where(largest < most, most + largest, 0.0)
    return found


def _steps(
    reference: flatbuffer.Model,
    quantized: flatbuffer.Model,
    place: tuple[Any, int],
    other_place: tuple[Any, int],
    room: Numbers | None,
    best: Numbers | None,
) -> float | None:
    """Return the largest error of a float constant in steps, allowing `room` above it; None for other tensors.

    A step is that of the declared grid, or of the `best` grid if that is finer.

    Both places are a subgraph and the index of a tensor in it.
    """
    from ai_edge_litert import schema_py_generated as schema

    (graph, index), (other_graph, other_index) = place, other_place
    if index < 0:
        return None
    tensor = graph.tensors[index]
    if tensor.type != schema.TensorType.FLOAT32 or reference.buffers[tensor.buffer].data is None:
        return None
    expected = flatbuffer.constant(reference, tensor)
    stored = other_graph.tensors[source(quantized, other_graph, other_index)]
    # A matrix without a planned grid of 4 bits would be measured in steps that the file itself declares.
    if quantized.buffers[stored.buffer].data is None or stored.type == schema.TensorType.INT4:
        return float("inf")
    values, step = real(quantized, stored)
    if best is not None:
        step = np.minimum(step, best)
    return largest_steps(values, expected, step, room) if expected.size else None


def _block_steps(quantized: flatbuffer.Model, tensor: Any, expected: Any, grid: Blocks) -> float:
    """Return the largest error of a matrix that must be stored in 4 bits, in steps of its grid or of a finer one."""
    if not four_bits.is_stored(tensor) or tuple(tensor.shape) != expected.shape:
        return float("inf")
    stored = four_bits.stored(quantized, tensor)
    if stored.scales.shape != grid.scales.shape:
        return float("inf")
    if on_grid(expected) is not None:  # rounded by a pass, so that nothing is left to round
        is_same = np.array_equal(stored.integers, grid.integers) and np.array_equal(stored.scales, grid.scales)
        return 0.0 if is_same else float("inf")
    step = np.repeat(np.minimum(stored.scales, grid.scales), BLOCK, axis=1).astype(np.float64)
    return largest_steps(stored.values, expected, step)


def source(model: flatbuffer.Model, subgraph: Any, index: int) -> int:
    """Return the index of the constant before a DEQUANTIZE, or `index` itself."""
    for operator in subgraph.operators:
        if index in operator.outputs and flatbuffer.op_name(model, operator) == "DEQUANTIZE":
            return int(operator.inputs[0])
    return index


def real(
    model: flatbuffer.Model, tensor: Any, smallest_step: float = SMALLEST_STEP
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a constant's real values and the size of their step, both float64 and of its shape.

    A channel's step is at least `smallest_step` times the largest channel's.
    """
    if four_bits.is_stored(tensor):
        found = four_bits.stored(model, tensor)
        return found.values.astype(np.float64), np.repeat(found.scales, BLOCK, axis=1).astype(np.float64)
    stored = flatbuffer.constant(model, tensor)
    if np.issubdtype(stored.dtype, np.floating):
        ulp = np.maximum(np.spacing(np.abs(stored)).astype(np.float64), np.finfo(np.float64).tiny)
        return stored.astype(np.float64), ulp
    quantization = tensor.quantization
    scale = np.asarray(quantization.scale, np.float64)
    zero_point = np.asarray(quantization.zeroPoint, np.float64)
    shape = [1] * stored.ndim
    if scale.size > 1:
        shape[quantization.quantizedDimension] = scale.size
    scale, zero_point = scale.reshape(shape), zero_point.reshape(shape)
    step = np.maximum(scale, max(smallest_step * scale.max(), np.finfo(np.float64).tiny))
    values = stored.astype(np.float64)
    values -= zero_point  # In place, because the largest layers have a hundred million weights.
    values *= scale
    return values, np.broadcast_to(step, stored.shape)
