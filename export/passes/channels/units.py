"""Find units of channels that can only be removed together, such as channels that are added.

Every channel of every tensor belongs to a unit. A layer that mixes channels by weights starts new units, a layer that
works on each channel separately passes them on, a sum joins the units of its inputs, and a concatenation concatenates
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from export.model.graph import Graph, Node
from export.passes.fitting.products import reason_against

if TYPE_CHECKING:
    import keras

Numbers = NDArray[np.int64]


class ChannelUnits:
    """The channel units of a flat functional model with folded batch norms.

    Attributes:
        graph: the model's calls.
    """

    def __init__(self, model: keras.Model) -> None:
        """Assign units to all channels, call by call."""
        self.graph = Graph(model)
        self._of: dict[int, Numbers] = {}
        self._parents: list[int] = []
        self._fixed: list[Numbers] = []
        for tensor in model.inputs:
            self._of[id(tensor)] = self._fresh(tensor.shape[-1], fixed=True)
        for node in self.graph.nodes:
            self._call(node)
        self._fixed += [self._of[id(tensor)] for tensor in model.outputs]

    def of(self, tensor: Any) -> Numbers:
        """Return the unit number of each channel of a tensor, (channels,)."""
        return np.array([self._root(number) for number in self._of[id(tensor)]], np.int64)

    def fixed(self) -> Numbers:
        """Return the numbers of units that cannot be removed."""
        numbers = np.unique(np.concatenate(self._fixed)) if self._fixed else np.zeros(0, np.int64)
        return np.unique([self._root(number) for number in numbers])

    def _call(self, node: Node) -> None:
        import keras

        inputs = [self._of[id(tensor)] for tensor in node.input_tensors]
        (result, *others), layer, layers = node.outputs, node.operation, keras.layers
        found: Numbers | None = None
        if others or not all(tensor.shape for tensor in (*node.input_tensors, *node.outputs)):
            found = None
        elif self.is_weighing(node):
            found = self._fresh(result.shape[-1])
        elif isinstance(layer, layers.DepthwiseConv2D) and not reason_against(layer) and layer.depth_multiplier == 1:
            found = inputs[0]
        elif isinstance(layer, layers.Add | layers.Multiply) and _one_by_one(node):
            for other in inputs[1:]:
                self._join(inputs[0], other)
            found = inputs[0]
        elif isinstance(layer, layers.Concatenate) and layer.axis in (-1, len(result.shape) - 1):
            found = np.concatenate(inputs)
        elif isinstance(layer, layers.Flatten):
            found = np.tile(inputs[0], result.shape[-1] // len(inputs[0]))
        elif len(inputs) == 1 and _keeps_channels(layer, node) and result.shape[-1] == len(inputs[0]):
            found = inputs[0]
        if found is None:
            self._fixed += inputs
            for tensor in node.outputs:
                self._of[id(tensor)] = self._fresh(tensor.shape[-1] if tensor.shape else 1, fixed=True)
        else:
            self._of[id(result)] = found

    def is_weighing(self, node: Node) -> bool:
        """Return whether a call mixes channels by its own weights, so that channels of it can be removed."""
        import keras

        layer, layers = node.operation, keras.layers
        if type(layer) not in (layers.Conv2D, layers.Dense, layers.SeparableConv2D) or reason_against(layer):
            return False
        if getattr(layer, "depth_multiplier", 1) != 1:
            return False
        return self.graph.calls[id(layer)] == 1 and getattr(layer, "groups", 1) == 1

    @staticmethod
    def mixing(layer: keras.Layer) -> tuple[str, NDArray[np.float32]]:
        """Return the name ("layer/0") and kernel (..., in, out) of the product of a layer that mixes channels."""
        import keras

        if isinstance(layer, keras.layers.SeparableConv2D):
            return f"{layer.name}/1", layer.pointwise_kernel.numpy()
        return f"{layer.name}/0", layer.kernel.numpy()

    def _fresh(self, count: int, *, fixed: bool = False) -> Numbers:
        start = len(self._parents)
        self._parents += range(start, start + count)
        numbers = np.arange(start, start + count)
        if fixed:
            self._fixed.append(numbers)
        return numbers

    def _join(self, one: Numbers, other: Numbers) -> None:
        for first, second in zip(one, other, strict=True):
            self._parents[self._root(second)] = self._root(first)

    def _root(self, number: int) -> int:
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number


def _one_by_one(node: Node) -> bool:
    return len({tensor.shape[-1] for tensor in node.input_tensors}) == 1


def _keeps_channels(layer: Any, node: Node) -> bool:
    """Return whether a layer works on every channel separately and keeps their order."""
    import keras

    layers = keras.layers
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        return False
    if isinstance(layer, layers.Reshape):
        (source,), (result,) = node.input_tensors, node.outputs
        return bool(np.prod(source.shape[1:-1]) == 1 and np.prod(result.shape[1:-1]) == 1)
    if isinstance(layer, layers.Activation):
        return layer.activation is not keras.activations.softmax
    pooling = (layers.AveragePooling2D, layers.MaxPooling2D, layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D)
    plain = (layers.Identity, layers.Dropout, layers.ReLU, layers.LeakyReLU, layers.ZeroPadding2D, layers.UpSampling2D)
    return isinstance(layer, (*pooling, *plain))
