"""Find channels of a network that can be scaled and shifted without changing the network's outputs.

A layer with weights can scale its output channels if every reader has weights that divide by the scale. A ReLU in
between passes the scale; a capped one such as ReLU6 passes it only while the channel stays below the cap (Nagel et al.
2019, https://arxiv.org/abs/1906.04721, section 4.1; Meller et al. 2019, https://arxiv.org/abs/1902.01917). Tensors that
are added share a scale.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from export.model.graph import Graph, Node
from export.passes.fitting.products import has_own_weights

if TYPE_CHECKING:
    import keras

Tensor = Any  # keras.KerasTensor


class Role(enum.Enum):
    """Effect of an operation on channels that are scaled by positive numbers and shifted."""

    WEIGHS = enum.auto()  # weights can absorb the input scale and apply any output scale
    KEEPS = enum.auto()  # passes scale and offset
    RECTIFIES = enum.auto()  # passes only the scale
    ADDS = enum.auto()  # all inputs share one scale; their offsets add up
    OPAQUE = enum.auto()  # passes neither


def role(node: Node) -> Role:
    """Return the role of one call."""
    import keras

    layers, operation = keras.layers, node.operation
    if not isinstance(operation, keras.Layer) or getattr(operation, "data_format", "channels_last") != "channels_last":
        return Role.OPAQUE
    kind, activation = type(operation), getattr(operation, "activation", None)
    convolutions = (layers.Conv1D, layers.Conv2D, layers.DepthwiseConv1D, layers.DepthwiseConv2D)
    if kind in (*convolutions, layers.Dense):
        grouped = getattr(operation, "groups", 1) > 1
        return Role.OPAQUE if grouped or not has_own_weights(operation) else Role.WEIGHS
    if kind in (layers.Identity, *dropouts(), *pooling()):
        return Role.KEEPS
    if kind is layers.Activation:
        known = {keras.activations.linear: Role.KEEPS, keras.activations.relu: Role.RECTIFIES}
        return known.get(activation, Role.OPAQUE)
    if kind is layers.ReLU and operation.threshold == 0:
        return Role.RECTIFIES
    if kind in (layers.LeakyReLU, layers.ZeroPadding1D, layers.ZeroPadding2D):
        return Role.RECTIFIES
    if kind is layers.Add and len({tuple(tensor.shape) for tensor in node.input_tensors}) == 1:
        return Role.ADDS
    return Role.OPAQUE


@dataclass
class Group:
    """Tensors whose channels share a scale.

    Attributes:
        tensors: all tensors of the group.
        makers: layers with weights that compute them.
        readers: layers with weights that read them, each with the tensor it reads.
        cap: smallest upper limit of their activations, such as 6 for ReLU6; infinity if there is none.
        capped: tensors that are inputs of a capped activation.
    """

    tensors: list[Tensor] = field(default_factory=list)
    makers: list[keras.Layer] = field(default_factory=list)
    readers: list[tuple[keras.Layer, Tensor]] = field(default_factory=list)
    cap: float = math.inf
    capped: list[Tensor] = field(default_factory=list)


class Channels:
    """The groups of a flat functional model, and the tensors whose channels can be shifted."""

    def __init__(self, model: keras.Model) -> None:
        """Find the groups, visiting every call once."""
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
        """Return the role of a call in this model."""
        return self._roles[id(node)]

    def groups(self) -> Iterator[Group]:
        """Yield the groups that can be scaled and have both a maker and a reader, in graph order."""
        fixed = {self._root(key) for key in self._fixed}
        found: dict[int, Group] = {}
        for key, tensor in self._tensors.items():
            found.setdefault(self._root(key), Group()).tensors.append(tensor)
        for node in self.graph.nodes:
            if self.role(node) is Role.WEIGHS:
                (source,), (result,) = node.input_tensors, node.outputs
                found[self._root(id(source))].readers.append((node.operation, source))
                found[self._root(id(result))].makers.append(node.operation)
            elif (cap := getattr(node.operation, "max_value", None)) is not None:  # the limit of a capped ReLU
                group = found[self._root(id(node.outputs[0]))]
                group.cap = min(group.cap, float(cap))
                group.capped += node.input_tensors
        for root, group in found.items():
            if root not in fixed and group.makers and group.readers:
                yield group

    def is_movable(self, tensor: Tensor) -> bool:
        """Return whether all readers of a tensor can compensate an offset per channel."""
        key = id(tensor)
        if key not in self._movable:
            nodes = self.readers.get(key, [])
            self._movable[key] = key not in self._fixed and all(self._compensates(node) for node in nodes)
        return self._movable[key]

    def is_stored(self, tensor: Tensor) -> bool:
        """Return whether a runtime stores the tensor; one whose only reader is an activation is fused with it."""
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

    def _compensates(self, node: Node) -> bool:
        found = self.role(node)
        if found is Role.WEIGHS:
            window = node.operation.kernel.shape[:-2]  # empty for a dense layer
            return all(size == 1 for size in window) or node.operation.padding == "valid"
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
    """Return whether a layer's own activation passes a positive scale."""
    import keras

    return layer.activation in (keras.activations.linear, keras.activations.relu)


def _is_fused(node: Node) -> bool:
    import keras

    layers = keras.layers
    return type(node.operation) in (layers.Identity, *dropouts(), layers.Activation, layers.ReLU)


def dropouts() -> tuple[type[keras.Layer], ...]:
    """Return the layers that do nothing at inference."""
    import keras

    return keras.layers.Dropout, keras.layers.SpatialDropout1D, keras.layers.SpatialDropout2D


def pooling() -> tuple[type[keras.Layer], ...]:
    """Return the layers that take means or maxima of each channel."""
    import keras

    layers = keras.layers
    of_steps = layers.GlobalAveragePooling1D, layers.AveragePooling1D, layers.MaxPooling1D, layers.GlobalMaxPooling1D
    of_images = layers.GlobalAveragePooling2D, layers.AveragePooling2D, layers.MaxPooling2D, layers.GlobalMaxPooling2D
    return of_steps + of_images
