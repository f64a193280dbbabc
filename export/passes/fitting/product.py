"""The product of input rows and weights.

A product consists of groups of matrix products rows (S, K) @ weights (K, M): one group for a convolution or dense
layer, one group per channel for a depthwise convolution.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.passes.fitting.windows import Windows, random_rows

Tensor = Any  # tf.Tensor
Weights = NDArray[np.float32]


class Kind(enum.Enum):
    """Kernel layout of a product."""

    DENSE = enum.auto()  # kernel (inputs, outputs)
    CONVOLUTION = enum.auto()  # (height, width, inputs / groups, outputs)
    DEPTHWISE = enum.auto()  # (height, width, channels, outputs per channel)
    TRANSPOSED = enum.auto()  # (height, width, outputs, inputs)


@dataclass(frozen=True, kw_only=True)
class Product:
    """One multiplication by weights.

    Attributes:
        kind: layout of the kernel.
        kernel: the layer's weights.
        bias: (outputs,), or None if the layer cannot add one here.
        activation: activation function of the outputs.
        groups: number of groups of a convolution.
        joined: number of the last axes of a dense product's inputs that together are the inputs of the matrix.
        over_steps: whether inputs and outputs are (samples, steps, channels), computed as images of height 1.
        zeros_before: number of zero steps before the first one, for causal padding.
        settings: strides, padding and the like, as arguments of the Keras operators over images.
    """

    kind: Kind
    kernel: Weights
    bias: Weights | None
    activation: Callable[[Tensor], Tensor]
    groups: int = 1
    joined: int = 1
    over_steps: bool = False
    zeros_before: int = 0
    settings: dict[str, Any]

    @property
    def outputs(self) -> int:
        """Number of output channels."""
        shape: tuple[int, ...] = self.kernel.shape
        if self.kind is Kind.DEPTHWISE:
            return shape[2] * shape[3]
        return shape[2] if self.kind is Kind.TRANSPOSED else shape[-1]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the K inputs of one group before flattening: (height, width, channels), or (channels,)."""
        shape: tuple[int, ...] = self.kernel.shape
        if self.kind is Kind.DEPTHWISE:
            return shape[:2]
        return shape[3:] if self.kind is Kind.TRANSPOSED else shape[:-1]

    def grouped(self, kernel: NDArray[Any]) -> NDArray[Any]:
        """Return a kernel as weights (groups, K, M); for a transposed convolution M is taps * outputs."""
        if self.kind is Kind.DEPTHWISE:
            return np.moveaxis(kernel, 2, 0).reshape(kernel.shape[2], -1, kernel.shape[3])
        if self.kind is Kind.TRANSPOSED:
            return kernel.reshape(-1, kernel.shape[3]).T[None]
        return np.moveaxis(kernel.reshape(-1, self.groups, kernel.shape[-1] // self.groups), 1, 0)

    def ungrouped(self, weights: NDArray[Any]) -> NDArray[Any]:
        """Return weights (groups, K, M) in the kernel's layout; the inverse of `grouped`."""
        shape = self.kernel.shape
        if self.kind is Kind.DEPTHWISE:
            return np.moveaxis(weights.reshape(shape[2], *shape[:2], shape[3]), 0, 2)
        if self.kind is Kind.TRANSPOSED:
            taps: NDArray[Any] = weights[0].T
            return taps.reshape(shape)
        return np.moveaxis(weights, 0, 1).reshape(shape)

    def scaled(self, kernel: NDArray[Any], gain: Weights) -> NDArray[Any]:
        """Return a kernel with every output channel multiplied by its gain (outputs,)."""
        if self.kind is Kind.TRANSPOSED:
            return kernel * gain[:, None]
        return kernel * (gain.reshape(kernel.shape[2:]) if self.kind is Kind.DEPTHWISE else gain)

    def apply(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Return the outputs for `kernel`, without bias and activation."""
        from keras import ops

        operators = {
            Kind.CONVOLUTION: ops.conv,
            Kind.DEPTHWISE: ops.depthwise_conv,
            Kind.TRANSPOSED: ops.conv_transpose,
        }
        if self.kind is Kind.DENSE:
            return ops.matmul(self._joined(inputs), kernel)
        outputs = operators[self.kind](self._images(inputs), kernel, data_format="channels_last", **self.settings)
        return ops.squeeze(outputs, 1) if self.over_steps else outputs

    def rows(self, inputs: Tensor, count: int, generator: np.random.Generator) -> Tensor:
        """Return the input rows (groups, S, K) at up to `count` random positions of every sample."""
        import tensorflow as tf

        if self.kind in (Kind.DENSE, Kind.TRANSPOSED):
            return random_rows(self._joined(inputs), count, generator)[None]
        windows = Windows(self.kernel.shape[:2], **self.settings)
        patches = windows.at_random(self._images(inputs), count, generator)  # (S, places, channels)
        places, channels = patches.shape[1:]
        if self.kind is Kind.DEPTHWISE:
            return tf.transpose(patches, (2, 0, 1))
        if self.groups == 1:
            return tf.reshape(patches, (1, -1, places * channels))
        split = tf.reshape(patches, (-1, places, self.groups, channels // self.groups))
        grouped = tf.transpose(split, (2, 0, 1, 3))
        return tf.reshape(grouped, (self.groups, -1, split.shape[1] * split.shape[3]))

    def _joined(self, inputs: Tensor) -> Tensor:
        import tensorflow as tf

        return inputs if self.joined == 1 else tf.reshape(inputs, (*inputs.shape[: -self.joined], -1))

    def _images(self, inputs: Tensor) -> Tensor:
        import tensorflow as tf

        if not self.over_steps:
            return inputs
        return tf.pad(inputs, ((0, 0), (self.zeros_before, 0), (0, 0)))[:, None]
