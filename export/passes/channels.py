"""Which channels of a network may be scaled and moved together without changing what it says.

A layer that multiplies by weights can give its outputs in any scale, if all who read them multiply by weights too and
divide by it. A rectifier between them does not mind; one that is capped, as ReLU6, only where a channel stays below
(Nagel et al. 2019, https://arxiv.org/abs/1906.04721, section 4.1; Meller et al. 2019,
https://arxiv.org/abs/1902.01917). Tensors that are added share a scale.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from export.model.graph import Graph, Node
from export.passes.products import has_own_weights

if TYPE_CHECKING:
    import keras

Tensor = Any  # keras.KerasTensor


class Role(enum.Enum):
    """What an operation does to channels that are scaled by positive numbers and moved."""

    WEIGHS = enum.auto()  # takes any scale, gives any scale
    KEEPS = enum.auto()  # scale and offset pass
    RECTIFIES = enum.auto()  # only the scale passes
    ADDS = enum.auto()  # all inputs have one scale; their offsets add up
    OPAQUE = enum.auto()


def role(node: Node) -> Role:
    """Return the role of one call."""
    import keras

    layers, operation = keras.layers, node.operation
    if not isinstance(operation, keras.Layer) or getattr(operation, "data_format", "channels_last") != "channels_last":
        return Role.OPAQUE
    kind, activation = type(operation), getattr(operation, "activation", None)
    if kind in (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense):
        grouped = kind is layers.Conv2D and operation.groups > 1
        return Role.OPAQUE if grouped or not has_own_weights(operation) else Role.WEIGHS
    keeping = (layers.GlobalAveragePooling2D, layers.AveragePooling2D, layers.MaxPooling2D, layers.GlobalMaxPooling2D)
    if kind in (layers.Identity, layers.Dropout, *keeping):
        return Role.KEEPS
    if kind is layers.Activation:
        known = {keras.activations.linear: Role.KEEPS, keras.activations.relu: Role.RECTIFIES}
        return known.get(activation, Role.OPAQUE)
    if kind is layers.ReLU and operation.threshold == 0:
        return Role.RECTIFIES
    if kind in (layers.LeakyReLU, layers.ZeroPadding2D):
        return Role.RECTIFIES
    if kind is layers.Add and len({tuple(tensor.shape) for tensor in node.input_tensors}) == 1:
        return Role.ADDS
    return Role.OPAQUE


@dataclass
class Group:
    """Tensors whose channels share a scale.

    Attributes:
        tensors: all of them.
        makers: the layers that give them.
        readers: the layers that take them up, with the tensor that each reads.
        cap: at which their activations cut; infinity if none does.
        capped: the tensors that an activation cuts there.
    """

    tensors: list[Tensor] = field(default_factory=list)
    makers: list[keras.Layer] = field(default_factory=list)
    readers: list[tuple[keras.Layer, Tensor]] = field(default_factory=list)
    cap: float = math.inf
    capped: list[Tensor] = field(default_factory=list)


class Channels:
    """The groups of a flat functional model, and the tensors that may be moved."""

    def __init__(self, model: keras.Model) -> None:
        """Look at every call once."""
        import keras

        self.graph, self._linear = Graph(model), keras.activations.linear
        self._parents: dict[int, int] = {}
        self._tensors: dict[int, Tensor] = {}
        self._roles = {id(node): self._role(node) for node in self.graph.nodes}
        self.readers: dict[int, list[Node]] = {}
        self._fixed = {self._seen(tensor) for tensor in (*model.inputs, *model.outputs)}
        for node in self.graph.nodes:
            for tensor in node.input_tensors:
                self.readers.setdefault(id(tensor), []).append(node)
            self._join(node)
        self._movable: dict[int, bool] = {}

    def role(self, node: Node) -> Role:
        """Return what the call does, in this model."""
        return self._roles[id(node)]

    def groups(self) -> Iterator[Group]:
        """Yield the groups that may be scaled and have both a maker and a reader, in the order of the graph."""
        fixed = {self._root(key) for key in self._fixed}
        found: dict[int, Group] = {}
        for key, tensor in self._tensors.items():
            found.setdefault(self._root(key), Group()).tensors.append(tensor)
        for node in self.graph.nodes:
            if self.role(node) is Role.WEIGHS:
                (source,), (result,) = node.input_tensors, node.outputs
                found[self._root(id(source))].readers.append((node.operation, source))
                found[self._root(id(result))].makers.append(node.operation)
            elif (cap := getattr(node.operation, "max_value", None)) is not None:  # of a ReLU
                group = found[self._root(id(node.outputs[0]))]
                group.cap = min(group.cap, float(cap))
                group.capped += node.input_tensors
        for root, group in found.items():
            if root not in fixed and group.makers and group.readers:
                yield group

    def is_movable(self, tensor: Tensor) -> bool:
        """Whether all who read a tensor can make good an offset of each channel."""
        key = id(tensor)
        if key not in self._movable:
            nodes = self.readers.get(key, [])
            self._movable[key] = key not in self._fixed and all(self._makes_good(node) for node in nodes)
        return self._movable[key]

    def is_stored(self, tensor: Tensor) -> bool:
        """Whether a runtime keeps the tensor: what only an activation reads is computed in one go with it."""
        readers = self.readers.get(id(tensor), [])
        return len(readers) != 1 or not _is_fused(readers[0])

    def _role(self, node: Node) -> Role:
        found = role(node)
        return Role.OPAQUE if found is Role.WEIGHS and self.graph.calls[id(node.operation)] > 1 else found

    def _join(self, node: Node) -> None:
        tensors = [self._seen(tensor) for tensor in (*node.input_tensors, *node.outputs)]
        found = self.role(node)
        if found is Role.OPAQUE:
            self._fixed.update(tensors)
        elif found is not Role.WEIGHS:
            for key in tensors[1:]:
                self._parents[self._root(key)] = self._root(tensors[0])
        elif not is_homogeneous(node.operation):
            self._fixed.add(tensors[-1])

    def _makes_good(self, node: Node) -> bool:
        found = self.role(node)
        if found is Role.WEIGHS:
            window = node.operation.kernel.shape[:2] if len(node.operation.kernel.shape) == 4 else (1, 1)
            return tuple(window) == (1, 1) or node.operation.padding == "valid"
        return found in (Role.KEEPS, Role.ADDS) and self.is_movable(node.outputs[0])

    def _seen(self, tensor: Tensor) -> int:
        self._tensors.setdefault(id(tensor), tensor)
        self._parents.setdefault(id(tensor), id(tensor))
        return id(tensor)

    def _root(self, key: int) -> int:
        while self._parents[key] != key:
            key = self._parents[key]
        return key


def is_homogeneous(layer: keras.Layer) -> bool:
    """Whether a layer's own activation passes a positive scale."""
    import keras

    return layer.activation in (keras.activations.linear, keras.activations.relu)


def _is_fused(node: Node) -> bool:
    import keras

    layers = keras.layers
    return type(node.operation) in (layers.Identity, layers.Dropout, layers.Activation, layers.ReLU)
