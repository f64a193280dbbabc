"""The steps of a diagram: a convolution with its batch norm and its activation is one step."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from export.model.graph import Graph, Node

if TYPE_CHECKING:
    import keras


class Kind(enum.StrEnum):
    """The kind of a step, which determines its colour."""

    INPUT = enum.auto()
    WEIGHTS = enum.auto()
    POOLING = enum.auto()
    JOINING = enum.auto()
    OTHER = enum.auto()
    OUTPUT = enum.auto()


@dataclass(frozen=True, kw_only=True)
class Step:
    """A box of the diagram.

    Attributes:
        words: the operations in order: ("Conv 3x3, 64", "BN", "ReLU").
        shape: the output shape: "56 x 56 x 64".
        kind: the kind of the step.
        sources: positions of the steps that this step reads.
        name: the name of the first layer.
        outputs: names of the model outputs that the step produces.
    """

    words: tuple[str, ...]
    shape: str
    kind: Kind
    sources: tuple[int, ...]
    name: str
    outputs: tuple[str, ...] = ()


# These layers join the step that they read, if they are its only reader.
FOLLOWING = frozenset({"Activation", "BatchNormalization", "Dropout", "Identity", "LeakyReLU", "ReLU", "Softmax"})

# These layers join the step that reads them, if there is only one.
LEADING = frozenset({"ZeroPadding2D"})
JOINING = frozenset({"Add", "Average", "Concatenate", "Maximum", "Multiply", "Subtract"})
SHORT = {
    "BatchNormalization": "BN",
    "Concatenate": "concatenate",
    "Dropout": "dropout",
    "Add": "add",
    "Multiply": "multiply",
    "ZeroPadding2D": "pad",
}
SIGNS = {"Add": "+", "Subtract": "-", "Multiply": "*", "TrueDivide": "/", "Divide": "/", "Power": "**"}


def steps(model: keras.Model, *, full: bool = False) -> list[Step]:
    """Return the steps of a flat functional model in topological order, inputs first.

    Args:
        model: the network.
        full: return a separate step for every layer.
    """
    graph = Graph(model)
    found = [_input(tensor) for tensor in model.inputs]
    places = {id(tensor): place for place, tensor in enumerate(model.inputs)}
    leading: dict[int, str] = {}  # Words of layers that join their reader, by output tensor.
    for node in graph.nodes:
        (*_, result), sources = node.outputs, [id(tensor) for tensor in node.input_tensors]
        kind, alone = type(node.operation).__name__, graph.reads[sources[0]] == 1 and len(sources) == 1
        if kind in LEADING and not full and graph.reads[id(result)] == 1:
            leading[id(result)] = _word(node)
            places[id(result)] = places[sources[0]]
        elif kind in FOLLOWING and not full and alone and found[places[sources[0]]].kind is not Kind.INPUT:
            place = places[id(result)] = places[sources[0]]
            found[place] = replace(found[place], words=(*found[place].words, _word(node)), shape=_shape(result))
        else:
            before = tuple(leading[source] for source in sources if source in leading)
            read = tuple(places[source] for source in sources)
            words = (*before, _word(node))
            found.append(
                Step(words=words, shape=_shape(result), kind=_kind(kind), sources=read, name=node.operation.name)
            )
            for tensor in node.outputs:
                places[id(tensor)] = len(found) - 1
    for tensor in model.outputs:
        place = places[id(tensor)]
        outputs = (*found[place].outputs, tensor._keras_history.operation.name)
        found[place] = replace(found[place], outputs=outputs, kind=Kind.OUTPUT)
    return found


def _input(tensor: Any) -> Step:
    name = tensor._keras_history.operation.name
    return Step(words=(name,), shape=_shape(tensor), kind=Kind.INPUT, sources=(), name=name)


def _kind(name: str) -> Kind:
    if name in JOINING:
        return Kind.JOINING
    if "Pooling" in name:
        return Kind.POOLING
    return Kind.WEIGHTS if "Conv" in name or name == "Dense" else Kind.OTHER


def _shape(tensor: Any) -> str:
    return " x ".join("?" if side is None else str(side) for side in tensor.shape[1:])


def _word(node: Node) -> str:
    """Return a short description of one call: "Conv 3x3, 64, stride 2"."""
    operation, name = node.operation, type(node.operation).__name__
    if name in ("Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D"):
        return _convolution(operation, name)
    if name in ("MaxPooling2D", "AveragePooling2D"):
        pooled = "Max" if name.startswith("Max") else "Average"
        return f"{pooled} pool {_sides(operation.pool_size)}" + _stride(operation)
    if name.startswith("Global"):
        return f"Global {'average' if 'Average' in name else 'max'} pool"
    if name == "Dense":
        return f"Dense {operation.units}{_activation(operation)}"
    if name == "Activation":
        return _function_name(operation.activation)
    if name == "ReLU":
        return "ReLU" if operation.max_value is None else f"ReLU{operation.max_value:g}"
    if not _is_layer(operation):
        return _operator(node, name)
    return SHORT.get(name, name)


def _is_layer(operation: Any) -> bool:
    import keras

    return isinstance(operation, keras.Layer)


def _operator(node: Node, name: str) -> str:
    """Return an operator in Python notation: "/ 2", "exp", "[..., 32:]"."""
    arguments = node.arguments.args
    if name == "GetItem":
        parts = arguments[1] if isinstance(arguments[1], tuple) else (arguments[1],)
        return f"[{', '.join(_slice(part) for part in parts)}]"
    if name in SIGNS and len(arguments) == 2 and len(node.input_tensors) == 1:
        left, right = arguments
        if isinstance(right, int | float):
            return f"{SIGNS[name]} {right:g}"
        if isinstance(left, int | float):
            return f"{left:g} {SIGNS[name]}"
    return SHORT.get(name, name.lower())


def _slice(part: Any) -> str:
    if part is Ellipsis:
        return "..."
    if not isinstance(part, slice):
        return str(part)
    words = [("" if side is None else str(side)) for side in (part.start, part.stop)]
    return ":".join(words if part.step is None else [*words, str(part.step)])


def _convolution(layer: keras.Layer, name: str) -> str:
    kinds = {"Conv2DTranspose": "Up-conv", "DepthwiseConv2D": "Depthwise", "SeparableConv2D": "Separable"}
    words = f"{kinds.get(name, 'Conv')} {_sides(layer.kernel_size)}"
    if name != "DepthwiseConv2D":
        words += f", {layer.filters}"
    if max(layer.dilation_rate) > 1:
        words += f", dilated {_sides(layer.dilation_rate)}"
    if getattr(layer, "groups", 1) > 1:
        words += f", {layer.groups} groups"
    return words + _stride(layer) + _activation(layer)


def _stride(layer: keras.Layer) -> str:
    sides = set(layer.strides)
    if sides == {1}:
        return ""
    return f", stride {sides.pop() if len(sides) == 1 else _sides(layer.strides)}"


def _activation(layer: keras.Layer) -> str:
    name = _function_name(layer.activation)
    return "" if name == "linear" else f", {name}"


def _function_name(activation: Any) -> str:
    """Return the name of an activation, which may be a function or a layer."""
    return str(getattr(activation, "__name__", type(activation).__name__))


def _sides(sizes: tuple[int, ...]) -> str:
    return "x".join(str(size) for size in sizes)
