"""Faults that a wrong converter would write into a float .tflite: in its operators, its wiring and its constants.

Each kind has an edit for every operator that it fits. An edit changes a parsed file, and returns whether it could.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from calibration.samples import Array
from export.formats.tflite import flatbuffer
from tests.faults.integer_faults import NONE, RELU, RELU6, RELU_N1_TO_1

Edit = Callable[[Any, Any], bool]  # of a parsed file, at an operator
CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
LAYERS = (*CONVOLUTIONS, "FULLY_CONNECTED")
FUSING = (*LAYERS, "ADD")
SAME, VALID = 0, 1


def float_variants(content: bytes, per_kind: int, kinds: Sequence[str] = ()) -> Iterator[tuple[str, str, bytes]]:
    """Yield kind, place and content of broken files, each kind at up to `per_kind` evenly chosen places."""
    right = flatbuffer.read(content)
    names = [flatbuffer.op_name(right, operator) for operator in right.subgraphs[0].operators]
    for kind, (ops, edit) in FLOAT_FAULTS.items():
        if kinds and kind not in kinds:
            continue
        places = [place for place, name in enumerate(names) if name in ops]
        left = per_kind
        for place in places[:: max(1, len(places) // per_kind)]:
            broken = flatbuffer.read(content)
            operator = broken.subgraphs[0].operators[place]
            if left and edit(broken, operator) and (written := flatbuffer.write(broken)) != content:
                left -= 1
                yield kind, f"{names[place]} {place}", written


def option(name: str, change: Callable[[Any], Any]) -> Edit:
    """Return an edit of an option of an operator whose value changes."""

    def edit(_: Any, operator: Any) -> bool:
        value = getattr(operator.builtinOptions, name)
        setattr(operator.builtinOptions, name, change(value))
        return bool(change(value) != value)

    return edit


def activation(before: Sequence[int], after: int) -> Edit:
    """Return an edit of the fused activation, where it is one of `before`."""
    return option("fusedActivationFunction", lambda one: after if one in before else one)


def constant(position: int, change: Callable[[Array], Array], least_axes: int = 1) -> Edit:
    """Return an edit of an operator's constant, which becomes its own: equal ones are shared."""

    def edit(model: Any, operator: Any) -> bool:
        index = operator.inputs[position] if position < len(operator.inputs) else -1
        tensor = model.subgraphs[0].tensors[index]
        if index < 0 or model.buffers[tensor.buffer].data is None or len(tensor.shape) < least_axes:
            return False
        values = flatbuffer.constant(model, tensor)
        changed = np.ascontiguousarray(change(values)).astype(values.dtype)
        operator.inputs = list(operator.inputs)
        operator.inputs[position] = added(model, tensor, b"/planted", changed)
        return not np.array_equal(changed, values)

    return edit


def added(model: Any, like: Any, ending: bytes, values: Array | None = None) -> int:
    """Add a tensor like another one, constant if it has values, and return its index."""
    from ai_edge_litert import schema_py_generated as schema

    tensors = model.subgraphs[0].tensors
    tensor = copy.copy(like)
    tensor.name, tensor.buffer = like.name + ending + b"%d" % len(tensors), 0
    if values is not None:
        tensor.shape, tensor.buffer = np.array(values.shape, np.int32), len(model.buffers)
        model.buffers.append(schema.BufferT())
        model.buffers[-1].data = values.reshape(-1).view(np.uint8)
    tensors.append(tensor)
    return len(tensors) - 1


def channels_first(op: str) -> int:
    """Return the axis of the output channels."""
    return 3 if op == "DEPTHWISE_CONV_2D" else 0


def by_channel(change: Callable[[Array], Array], position: int = 1) -> Edit:
    """Return an edit of weights, whose output channels come first."""

    def edit(model: Any, operator: Any) -> bool:
        axis = channels_first(flatbuffer.op_name(model, operator))

        def moved(values: Array) -> Array:
            return np.moveaxis(change(np.moveaxis(values, axis, 0).copy()), 0, axis)

        return constant(position, moved, 2)(model, operator)

    return edit


def without_middle(values: Array) -> Array:
    values[len(values) // 2] = 0
    return values


def with_two_swapped(values: Array) -> Array:
    values[[0, len(values) // 2]] = values[[len(values) // 2, 0]]
    return values


def on_bits(bits: int) -> Callable[[Array], Array]:
    """Return a function that rounds each channel to fewer bits than 8."""

    def rounded(values: Array) -> Array:
        axes = tuple(range(1, values.ndim))
        step = np.maximum(np.abs(values).max(axis=axes, keepdims=True), 1e-30) / (2 ** (bits - 1) - 1)
        return np.asarray(np.rint(values / step) * step)

    return rounded


def another(model: Any, operator: Any) -> bool:
    """Let an operator read an earlier activation of the same shape in place of its second input."""
    graph = model.subgraphs[0]
    shape = tuple(graph.tensors[operator.inputs[1]].shape)
    if model.buffers[graph.tensors[operator.inputs[1]].buffer].data is not None:
        return False
    place = next(place for place, one in enumerate(graph.operators) if one is operator)
    earlier = [int(index) for one in graph.operators[:place] for index in one.outputs]
    found = [one for one in earlier if tuple(graph.tensors[one].shape) == shape and one not in list(operator.inputs)]
    if not found:
        return False
    operator.inputs = [operator.inputs[0], found[-1]]
    without_unread(graph)
    return True


def skipped(model: Any, operator: Any) -> bool:
    """Remove an operator whose output has the shape of its first input."""
    graph = model.subgraphs[0]
    source, result = int(operator.inputs[0]), int(operator.outputs[0])
    if tuple(graph.tensors[source].shape) != tuple(graph.tensors[result].shape) or result in list(graph.outputs):
        return False
    for one in graph.operators:
        one.inputs = [source if index == result else index for index in one.inputs]
    graph.operators = [one for one in graph.operators if one is not operator]
    without_unread(graph)
    return True


def without_unread(graph: Any) -> None:
    """Remove the operators whose results nothing reads, as a converter does."""
    while True:
        read = {*map(int, graph.outputs), *(int(index) for one in graph.operators for index in one.inputs)}
        kept = [one for one in graph.operators if any(int(index) in read for index in one.outputs)]
        if len(kept) == len(graph.operators):
            return
        graph.operators = kept


def becomes(names: Mapping[str, str], *, keeps_options: bool = False) -> Edit:
    """Return an edit that computes another operator."""

    def edit(model: Any, operator: Any) -> bool:
        operator.opcodeIndex = flatbuffer.operator_code(model, names[flatbuffer.op_name(model, operator)])
        if not keeps_options:
            operator.builtinOptions, operator.builtinOptionsType = None, 0
        return True

    return edit


def reversed_inputs(_: Any, operator: Any) -> bool:
    operator.inputs = list(reversed(list(operator.inputs)))
    return True


def padded_on_the_other_side(model: Any, operator: Any) -> bool:
    """Put the odd row and column of a padding first, with a PAD: what another framework's padding would be."""
    from ai_edge_litert import schema_py_generated as schema

    graph, options = model.subgraphs[0], operator.builtinOptions
    source, weights = (graph.tensors[operator.inputs[place]] for place in (0, 1))
    sizes = zip(source.shape[1:3], weights.shape[1:3], (options.strideH, options.strideW), strict=True)
    pads = [max(0, (-(-size // stride) - 1) * stride + window - size) for size, window, stride in sizes]
    if options.padding != SAME or not any(pad % 2 for pad in pads):
        return False
    amounts = np.array([[0, 0], *([pad - pad // 2, pad // 2] for pad in map(int, pads)), [0, 0]], np.int32)
    kind = copy.copy(weights)
    kind.type, kind.quantization = schema.TensorType.INT32, None
    ends, result = added(model, kind, b"/pads", amounts), added(model, source, b"/padded")
    graph.tensors[result].shape = np.array(source.shape, np.int32) + amounts.sum(axis=1).astype(np.int32)
    pad = schema.OperatorT()
    pad.opcodeIndex, pad.inputs, pad.outputs = (
        flatbuffer.operator_code(model, "PAD"),
        [operator.inputs[0], ends],
        [result],
    )
    pad.builtinOptionsType, pad.builtinOptions = schema.BuiltinOptions.PadOptions, schema.PadOptionsT()
    place = next(place for place, one in enumerate(graph.operators) if one is operator)
    graph.operators = [*graph.operators[:place], pad, *graph.operators[place:]]
    operator.inputs = [result, *list(operator.inputs)[1:]]
    options.padding = VALID
    return True


def like_another_layer(model: Any, operator: Any) -> bool:
    """Give a layer the weights of another one of the same shape."""
    graph = model.subgraphs[0]
    shape = tuple(graph.tensors[operator.inputs[1]].shape)
    for one in graph.operators:
        if one is operator or flatbuffer.op_name(model, one) not in LAYERS:
            continue
        if tuple(graph.tensors[one.inputs[1]].shape) == shape and one.inputs[1] != operator.inputs[1]:
            operator.inputs = [operator.inputs[0], one.inputs[1], *list(operator.inputs)[2:]]
            return True
    return False


OTHERS = {"HARD_SWISH": "RELU", "LOGISTIC": "TANH", "TANH": "LOGISTIC", "LEAKY_RELU": "RELU", "ELU": "RELU"}
POOLS = {"MAX_POOL_2D": "AVERAGE_POOL_2D", "AVERAGE_POOL_2D": "MAX_POOL_2D"}

# Kind -> operators, and the edit.
FLOAT_FAULTS: Mapping[str, tuple[tuple[str, ...], Edit]] = {
    "relu6 in place of relu": (FUSING, activation([RELU], RELU6)),
    "relu in place of relu6": (FUSING, activation([RELU6], RELU)),
    "cap of 1": (FUSING, activation([RELU, RELU6], RELU_N1_TO_1)),
    "activation lost": (FUSING, activation([RELU, RELU6], NONE)),
    "relu added": (FUSING, activation([NONE], RELU)),
    "relu6 added": (FUSING, activation([NONE], RELU6)),
    "another activation": (tuple(OTHERS), becomes(OTHERS)),
    "activation left out": (tuple(OTHERS), skipped),
    "slope of a tenth": (("LEAKY_RELU", "ELU"), option("alpha", lambda one: one / 10)),
    "slope 2 % too large": (("LEAKY_RELU", "ELU"), option("alpha", lambda one: one * 1.02)),
    "dilation of 2": (CONVOLUTIONS, option("dilationHFactor", lambda _: 2)),
    "padding of the other kind": ((*CONVOLUTIONS, *POOLS), option("padding", lambda one: 1 - one)),
    "padding on the other side": (CONVOLUTIONS, padded_on_the_other_side),
    "pads swapped": (("PAD",), constant(1, lambda one: one[:, ::-1])),
    "window of a pool larger by one": (tuple(POOLS), option("filterHeight", lambda one: one + 1)),
    "another pool": (tuple(POOLS), becomes(POOLS, keeps_options=True)),
    "maxima in place of means": (("MEAN",), becomes({"MEAN": "REDUCE_MAX"}, keeps_options=True)),
    "another skip connection": (("ADD",), another),
    "sum left out": (("ADD",), skipped),
    "another gate": (("MUL",), another),
    "gate left out": (("MUL",), skipped),
    "sum in place of a product": (("MUL",), becomes({"MUL": "ADD"})),
    "joined in another order": (("CONCATENATION",), reversed_inputs),
    "softmax at 0.9": (("SOFTMAX",), option("beta", lambda one: 0.9 * one)),
    "kernel transposed": (CONVOLUTIONS, constant(1, lambda one: one.swapaxes(1, 2))),
    "kernel flipped": (CONVOLUTIONS, constant(1, lambda one: one[:, ::-1, ::-1])),
    "kernel shifted by a pixel": (CONVOLUTIONS, constant(1, lambda one: np.roll(one, 1, axis=1))),
    "input channels in reverse order": (LAYERS, constant(1, lambda one: one[..., ::-1], 2)),
    "two channels swapped": (LAYERS, by_channel(with_two_swapped)),
    "channel lost": (LAYERS, by_channel(without_middle)),
    "weights of another layer": (LAYERS, like_another_layer),
    "weights at 0.98": (LAYERS, by_channel(lambda one: 0.98 * one)),
    "weights on 6 bits": (LAYERS, by_channel(on_bits(6))),
    "weights on 4 bits": (LAYERS, by_channel(on_bits(4))),
    "bias lost": (LAYERS, constant(2, np.zeros_like)),
    "bias of the next channel": (LAYERS, constant(2, lambda one: np.roll(one, 1))),
    "bias at 0.95": (LAYERS, constant(2, lambda one: 0.95 * one)),
    "bias with its other sign": (LAYERS, constant(2, lambda one: -one)),
}
