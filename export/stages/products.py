"""Layers as matrix products: which numbers of an input meet which weights.

Every layer becomes groups of products rows (S, K) @ weights (K, M): one group for a convolution or dense layer, as
many as there are channels for a depthwise one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

Tensor = Any  # tf.Tensor
Weights = NDArray[np.float32]


def reason_against(layer: keras.Layer) -> str:
    """Return why a layer with weights is no product that can be rounded here; nothing if it is one."""
    import keras

    layers = keras.layers
    if type(layer) not in (layers.Conv2D, layers.DepthwiseConv2D, layers.Dense):
        return f"a {type(layer).__name__} is rounded by the quantizer"
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        return "its channels come first"
    if getattr(layer, "quantization_mode", None) is not None:
        return "it is quantized already"
    return ""


@dataclass(frozen=True)
class Product:
    """One layer, seen as groups of matrix products."""

    layer: keras.Layer

    @property
    def is_depthwise(self) -> bool:
        """Whether every channel is a product of its own."""
        import keras

        return isinstance(self.layer, keras.layers.DepthwiseConv2D)

    @property
    def is_dense(self) -> bool:
        """Whether every position stands alone."""
        import keras

        return isinstance(self.layer, keras.layers.Dense)

    @property
    def kernel(self) -> Weights:
        """The layer's weights as they are."""
        return np.asarray(self.layer.kernel, np.float32)

    @property
    def bias(self) -> Weights:
        """One number per output channel."""
        if self.layer.use_bias:
            return np.asarray(self.layer.bias, np.float32)
        kernel = self.layer.kernel.shape
        return np.zeros(kernel[2] * kernel[3] if self.is_depthwise else kernel[-1], np.float32)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The K inputs of one group before they are flattened: (height, width, channels), or (channels,)."""
        shape = tuple(self.layer.kernel.shape)
        return shape[:2] if self.is_depthwise else shape[:-1]

    def grouped(self, kernel: Weights) -> Weights:
        """Return weights (groups, K, M) of a kernel."""
        if self.is_depthwise:
            return np.moveaxis(kernel, 2, 0).reshape(kernel.shape[2], -1, kernel.shape[3])
        groups = getattr(self.layer, "groups", 1)
        return np.moveaxis(kernel.reshape(-1, groups, kernel.shape[-1] // groups), 1, 0)

    def ungrouped(self, weights: NDArray[Any]) -> NDArray[Any]:
        """Return the kernel of weights (groups, K, M)."""
        shape = tuple(self.layer.kernel.shape)
        if self.is_depthwise:
            return np.moveaxis(weights.reshape(shape[2], *shape[:2], shape[3]), 0, 2)
        return np.moveaxis(weights, 0, 1).reshape(shape)

    def scaled(self, kernel: NDArray[Any], gain: Weights) -> NDArray[Any]:
        """Return a kernel with every output channel times its gain."""
        return kernel * (gain.reshape(kernel.shape[2:]) if self.is_depthwise else gain)

    def apply(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Return the layer's outputs without bias and activation, for another kernel."""
        from keras import ops

        if self.is_dense:
            return ops.matmul(inputs, kernel)
        settings = {
            "strides": self.layer.strides,
            "padding": self.layer.padding,
            "dilation_rate": self.layer.dilation_rate,
            "data_format": "channels_last",
        }
        return (ops.depthwise_conv if self.is_depthwise else ops.conv)(inputs, kernel, **settings)

    def rows(self, inputs: Tensor, count: int, generator: np.random.Generator) -> Tensor:
        """Return what the weights meet at up to `count` positions of every sample: (groups, S, K)."""
        import tensorflow as tf

        if self.is_dense:
            return _drawn(inputs, count, generator)[None]
        patches = self._patches(inputs, count, generator)  # (S, places, channels)
        places, channels = patches.shape[1:]
        if self.is_depthwise:
            return tf.transpose(patches, (2, 0, 1))
        groups = self.layer.groups
        if groups == 1:
            return tf.reshape(patches, (1, -1, places * channels))
        split = tf.reshape(patches, (-1, places, groups, channels // groups))
        return tf.reshape(tf.transpose(split, (2, 0, 1, 3)), (groups, -1, places * channels // groups))

    def _patches(self, inputs: Tensor, count: int, generator: np.random.Generator) -> Tensor:
        """Return the windows at random positions of every sample, zeros where they leave it."""
        import tensorflow as tf

        samples, sizes = inputs.shape[0], inputs.shape[1:3]
        axes = [self._axis(size, axis) for axis, size in enumerate(sizes)]
        height, width = (len(starts) for starts, _ in axes)
        count = min(count, height * width)
        # Sorted: neighbours in memory are read one after the other.
        picked = np.sort([generator.choice(height * width, count, replace=False) for _ in range(samples)], axis=1)
        rows, columns = (
            starts[positions][..., None] + offsets
            for (starts, offsets), positions in zip(axes, np.divmod(picked, width), strict=True)
        )
        y, x = np.broadcast_arrays(rows[..., :, None], columns[..., None, :])  # (samples, count, height, width)
        inside = (y >= 0) & (y < sizes[0]) & (x >= 0) & (x < sizes[1])
        index = np.where(inside, (np.arange(samples)[:, None, None, None] * sizes[0] + y) * sizes[1] + x, 0)
        flat = tf.reshape(inputs, (-1, inputs.shape[-1]))
        found = tf.gather(flat, index.reshape(samples * count, -1))
        return found if inside.all() else found * inside.reshape(samples * count, -1, 1).astype(np.float32)

    def _axis(self, size: int, axis: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where windows start along an axis, and the offsets in them: TensorFlow's rule of "same"."""
        kernel, stride = self.layer.kernel.shape[axis], self.layer.strides[axis]
        dilation = self.layer.dilation_rate[axis]
        reach = (kernel - 1) * dilation + 1
        same = self.layer.padding == "same"
        outputs = -(-size // stride) if same else (size - reach) // stride + 1
        before = max((outputs - 1) * stride + reach - size, 0) // 2 if same else 0
        return np.arange(outputs) * stride - before, np.arange(kernel) * dilation


def _drawn(inputs: Tensor, count: int, generator: np.random.Generator) -> Tensor:
    """Return up to `count` positions of every sample of (samples, ..., channels): (S, channels)."""
    import tensorflow as tf

    flat = tf.reshape(inputs, (inputs.shape[0], -1, inputs.shape[-1]))
    samples, positions, channels = flat.shape
    if positions <= count:
        return tf.reshape(flat, (-1, channels))
    picked = np.sort([generator.choice(positions, count, replace=False) for _ in range(samples)], axis=1)
    return tf.reshape(tf.gather(flat, picked, batch_dims=1), (-1, channels))


def axes_but_last(tensor: Tensor) -> Sequence[int]:
    """Return all axes of a tensor but that of the channels."""
    return range(len(tensor.shape) - 1)
