"""Faults that a wrong quantizer would write into an integer .tflite: in its graph, its grids and its constants.

Each leaves a file that LiteRT runs, and whose outputs often stay near to the model's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from export.formats.tflite import flatbuffer
from export.formats.tflite.layers import Layer, weighing
from export.formats.tflite.storage import real

Edit = Callable[[Any], bool]  # edits a parsed file in place, and returns whether it could


def operators(model: Any, *names: str) -> list[Any]:
    return [one for one in model.subgraphs[0].operators if flatbuffer.op_name(model, one) in names]


def option(name: str, change: Callable[[Any], Any], *ops: str, first_only: bool = True) -> Edit:
    """Return an edit of an option of the first operator of these kinds, or of all, whose value changes."""

    def edit(model: Any) -> bool:
        done = False
        for operator in operators(model, *ops):
            value = getattr(operator.builtinOptions, name)
            if change(value) != value and not (done and first_only):
                setattr(operator.builtinOptions, name, change(value))
                done = True
        return done

    return edit


def layers(model: Any) -> list[Layer]:
    return [one for one in weighing(model) if one.weights.quantization is not None and one.bias is not None]


def store(model: Any, tensor: Any, values: Any) -> None:
    model.buffers[tensor.buffer].data = np.ascontiguousarray(values).reshape(-1).view(np.uint8)


def biases_scaled(factor: float, chosen: Callable[[list[Layer]], list[Layer]]) -> Edit:
    """Return an edit that stores biases on a grid of another scale, and declares it."""

    def edit(model: Any) -> bool:
        for layer in chosen(layers(model)):
            scale = np.asarray(layer.bias.quantization.scale, np.float64)
            stored = flatbuffer.constant(model, layer.bias)
            store(model, layer.bias, np.rint(stored / factor).astype(stored.dtype))
            layer.bias.quantization.scale = (scale * factor).astype(np.float32)
        return True

    return edit


def coarser_weights(bits: int, chosen: Callable[[list[Layer]], list[Layer]]) -> Edit:
    """Return an edit that rounds weights to fewer bits, on a grid of their own that the file declares."""

    def edit(model: Any) -> bool:
        for layer in chosen(layers(model)):
            factor = 127 / (2 ** (bits - 1) - 1)
            stored = flatbuffer.constant(model, layer.weights)
            store(model, layer.weights, np.rint(stored / factor).astype(np.int8))
            rescale(model, layer, np.asarray(layer.weights.quantization.scale, np.float64) * factor)
        return True

    return edit


def rescale(model: Any, layer: Layer, scale: Any) -> None:
    """Declare other scales of a layer's weights, and store its bias in steps of them."""
    bias, _ = real(model, layer.bias)
    layer.weights.quantization.scale = scale.astype(np.float32)
    step = float(layer.source.quantization.scale[0]) * scale
    layer.bias.quantization.scale = step.astype(np.float32)
    store(model, layer.bias, np.rint(bias / step).astype(np.int32))


def one_scale(model: Any) -> bool:
    """Give the weights of every layer a single scale, repeated for all channels."""
    for layer in layers(model):
        values, _ = real(model, layer.weights, smallest_step=0)
        scale = np.full(len(layer.weights.quantization.scale), np.abs(values).max() / 127)
        store(model, layer.weights, np.rint(values / scale[0]).astype(np.int8))
        rescale(model, layer, scale)
    return True


def wide_grids(factor: float) -> Edit:
    """Return an edit that makes the grids of all activations coarser, as wrong ranges would."""

    def edit(model: Any) -> bool:
        graph = model.subgraphs[0]
        outside = {*map(int, graph.inputs), *map(int, graph.outputs)}
        fixed = {int(one.outputs[0]) for one in operators(model, "SOFTMAX", "LOGISTIC", "TANH")}
        made = {int(index) for one in graph.operators for index in one.outputs} - outside - fixed
        for index in made:
            grid = graph.tensors[index].quantization
            if grid is not None and grid.scale is not None:
                grid.scale = np.asarray(grid.scale, np.float32) * np.float32(factor)
                grid.zeroPoint = [round(-128 + (int(zero) + 128) / factor) for zero in grid.zeroPoint]
        for layer in layers(model):
            rescale(model, layer, np.asarray(layer.weights.quantization.scale, np.float64))
        return bool(made)

    return edit


def another_skip(model: Any) -> bool:
    """Let the last sum of two activations read the skip connection of an earlier one of the same shape and grid."""
    tensors = model.subgraphs[0].tensors
    for operator in reversed(operators(model, "ADD")):
        shape = tuple(tensors[operator.inputs[0]].shape)
        earlier: Iterator[int] = (
            int(index)
            for other in model.subgraphs[0].operators
            for index in other.outputs
            if tuple(tensors[index].shape) == shape and index not in [*operator.inputs, *operator.outputs]
        )
        index = next(earlier, None)
        if index is not None:
            grid = copy.deepcopy(tensors[operator.inputs[1]].quantization)
            tensors[index].quantization = grid if tensors[index].quantization is None else tensors[index].quantization
            operator.inputs = [operator.inputs[0], index]
            return True
    return False


def everything(found: list[Layer]) -> list[Layer]:
    return found


def middle(found: list[Layer]) -> list[Layer]:
    return found[len(found) // 2 :][:1]


def last(found: list[Layer]) -> list[Layer]:
    return found[-1:]


NONE, RELU, RELU_N1_TO_1, RELU6 = 0, 1, 2, 3


def activation(before: int | None, after: int) -> Edit:
    """Return an edit of the first operator that fuses the activation `before`, or any; afterwards it fuses `after`."""
    ops = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD")
    return option("fusedActivationFunction", lambda one: after if before in (None, one) else one, *ops)


INTEGER_FAULTS: Mapping[str, Edit] = {
    "cap of 1 in place of 6": activation(RELU6, RELU_N1_TO_1),
    "relu in place of relu6": activation(RELU6, RELU),
    "relu behind a linear layer": activation(NONE, RELU),
    "activation lost": activation(None, NONE),
    "dilation of 2": option("dilationHFactor", lambda _: 2, "DEPTHWISE_CONV_2D", "CONV_2D"),
    "padding of the other kind": option("padding", lambda one: 1 - one, "DEPTHWISE_CONV_2D"),
    "another skip connection": another_skip,
    "all biases at 0.9 of their scale": biases_scaled(0.9, everything),
    "all biases at 1.1 of their scale": biases_scaled(1.1, everything),
    "last bias at 1.02 of its scale": biases_scaled(1.02, last),
    "weights on 5 bits": coarser_weights(5, everything),
    "weights on 7 bits": coarser_weights(7, everything),
    "one layer on 3 bits": coarser_weights(3, middle),
    "one scale for all channels": one_scale,
    "grids 8 times as wide": wide_grids(8),
    "grids 1.2 times as wide": wide_grids(1.2),
}
