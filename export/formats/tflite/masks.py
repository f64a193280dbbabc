"""Replace the -1e9 that masks attention scores by a number that a grid of 8 or 16 bits can hold.

A mask adds a large negative number to scores, or selects it in their place, so that SOFTMAX returns 0 there, or
REDUCE_MAX another element. A grid from -1e9 to the largest score would hold all scores as one integer. A number just
low enough that the masked share rounds to 0 leaves the outputs of SOFTMAX as they are, up to half a step of 16 bits.

Only what is certainly a mask is replaced: nothing but masks may be added to scores behind the first one.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from calibration.ranges import Range
from export.formats.format import BoundedMasks
from export.formats.tflite import flatbuffer
from export.formats.tflite.mask_search import Graph, Place, masked_sinks

SHARE = 2.0**-16  # Half a step of a softmax with 16 bits: all masked elements of a row together have less.


def bounded(float_file: bytes, ranges: Mapping[str, Range]) -> BoundedMasks | None:
    """Return the file with smaller masks; None if it has none that can be replaced.

    Args:
        float_file: the file, with the masks of the model.
        ranges: the observed range of every activation, by name.
    """
    model = flatbuffer.read(float_file)
    graph = Graph(model, ranges)
    operators = model.subgraphs[0].operators
    new: dict[Place, float] = {}
    lowest: dict[int, float] = {}
    for sink, scores in masked_sinks(graph):
        low, high = scores.range
        margin = _margin(model, operators[sink])
        values = {
            **dict.fromkeys(scores.selected, low - margin),
            **dict.fromkeys(scores.added, low - margin - high),
        }
        new.update({place: min(value, new.get(place, value)) for place, value in values.items()})
        for index in scores.masked:
            lowest[index] = min(low - margin, lowest.get(index, low - margin))
    if not new:
        return None
    for (position, place), value in new.items():
        _replace(model, operators[position], place, value)
    names = flatbuffer.activations(model)
    return BoundedMasks(
        content=flatbuffer.write(model), lowest={names[index]: value for index, value in lowest.items()}
    )


def _margin(model: flatbuffer.Model, sink: Any) -> float:
    """Return by how much masked scores must be below all others to have no effect: exp(-margin) * elements = SHARE."""
    if flatbuffer.op_name(model, sink) != "SOFTMAX":
        return 0.0
    elements = int(model.subgraphs[0].tensors[sink.inputs[0]].shape[-1])
    return math.log(elements / SHARE)


def _replace(model: flatbuffer.Model, operator: Any, place: int, value: float) -> None:
    """Give an operator a copy of its constant in which large numbers have the magnitude of `value`."""
    from ai_edge_litert import schema_py_generated as schema

    tensor = model.subgraphs[0].tensors[operator.inputs[place]]
    values = flatbuffer.constant(model, tensor)
    limited = np.clip(values, -abs(value), abs(value))
    buffer = schema.BufferT()
    buffer.data = np.ascontiguousarray(limited, np.float32).reshape(-1).view(np.uint8)
    model.buffers.append(buffer)
    added = copy.copy(tensor)
    added.name, added.buffer = tensor.name + b"/bounded%d" % len(model.buffers), len(model.buffers) - 1
    model.subgraphs[0].tensors.append(added)
    operator.inputs = list(operator.inputs)
    operator.inputs[place] = len(model.subgraphs[0].tensors) - 1
