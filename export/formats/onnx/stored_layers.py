"""The layers of a .tflite in the order and layout of an .onnx derived from it: output channels first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.formats.tflite import flatbuffer, storage
from export.formats.tflite.steps import depth_first
from export.formats.tflite.stored_axes import LAYERS

Float64s = NDArray[np.float64]

MOST_TERMS = 1 << 16  # as many channels no layer has


@dataclass(frozen=True, kw_only=True)
class StoredConstant:
    """A stored constant.

    Attributes:
        real: its real values.
        step: step size of each value.
    """

    real: Float64s
    step: Float64s


@dataclass(frozen=True, kw_only=True)
class StoredLayer:
    """One layer.

    Attributes:
        name: name of its output.
        shape: shape of the weights, output channels first.
        read: returns the weights, which are not cached because float64 needs eight times the size of the file.
        bias: the bias; None without a bias.
        buffer: index of the weights' buffer in the file.
    """

    name: str
    shape: tuple[int, ...]
    read: Callable[[], StoredConstant]
    bias: StoredConstant | None
    buffer: int


def stored_layers(content: bytes) -> Iterator[StoredLayer]:
    """Yield the layers with constant weights in the node order of the .onnx: depth first from the outputs.

    Layers inside loops come last. Layers that several functions of a file share are yielded once.
    """
    model = flatbuffer.read(content)
    shared: set[int] = set()
    for subgraph in model.subgraphs:
        own: set[int] = set()
        for operator in depth_first(subgraph):
            name = flatbuffer.op_name(model, operator)
            layer = _layer(model, subgraph, operator, *LAYERS[name]) if name in LAYERS else None
            if layer is not None and layer.buffer not in shared:
                own.add(layer.buffer)
                yield layer
        shared |= own


def float_constants(content: bytes) -> Iterator[Float64s]:
    """Yield the float constants of a .tflite with at most `MOST_TERMS` numbers, flat; terms of sums are among them."""
    from ai_edge_litert import schema_py_generated as schema

    model = flatbuffer.read(content)
    for subgraph in model.subgraphs:
        for tensor in subgraph.tensors:
            is_small = 0 < math.prod(int(size) for size in tensor.shape) <= MOST_TERMS
            if is_small and tensor.type == schema.TensorType.FLOAT32 and model.buffers[tensor.buffer].data is not None:
                yield flatbuffer.constant(model, tensor).astype(np.float64).reshape(-1)


def _layer(
    model: flatbuffer.Model, subgraph: Any, operator: Any, weights: int, bias: int, axes: tuple[int, ...]
) -> StoredLayer | None:
    tensor, bias_tensor = (_tensor(model, subgraph, operator, position) for position in (weights, bias))
    if tensor is None:
        return None

    def read() -> StoredConstant:
        found = _constant(model, tensor)
        return StoredConstant(real=found.real.transpose(axes), step=found.step.transpose(axes))

    return StoredLayer(
        name=subgraph.tensors[operator.outputs[0]].name.decode().split(";")[0],
        shape=tuple(int(tensor.shape[axis]) for axis in axes),
        read=read,
        bias=None if bias_tensor is None else _constant(model, bias_tensor),
        buffer=int(tensor.buffer),
    )


def _tensor(model: flatbuffer.Model, subgraph: Any, operator: Any, position: int) -> Any:
    """Return the stored tensor that an operator reads at `position`; None if there is none."""
    if position >= len(operator.inputs) or operator.inputs[position] < 0:
        return None
    tensor = subgraph.tensors[storage.source(model, subgraph, operator.inputs[position])]
    return None if model.buffers[tensor.buffer].data is None else tensor


def _constant(model: flatbuffer.Model, tensor: Any) -> StoredConstant:
    real, step = storage.real(model, tensor, smallest_step=0)  # The integers are equal in dead channels too.
    return StoredConstant(real=real, step=step)
