"""Layers as matrix products: which numbers of an input meet which weights.

Every layer becomes one product after another, and each of them groups of products rows (S, K) @ weights (K, M): one
group for a convolution or dense layer, as many as there are channels for a depthwise one.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from export.passes.windows import Windows

if TYPE_CHECKING:
    import keras

Tensor = Any  # tf.Tensor
Weights = NDArray[np.float32]


class Kind(enum.Enum):
    """How weights meet inputs."""

    DENSE = enum.auto()  # kernel (inputs, outputs)
    CONVOLUTION = enum.auto()  # (height, width, inputs / groups, outputs)
    DEPTHWISE = enum.auto()  # (height, width, channels, outputs per channel)
    TRANSPOSED = enum.auto()  # (height, width, outputs, inputs)


def reason_against(layer: keras.Layer) -> str:
    """Return why a layer with weights is no product that can be rounded here; nothing if it is one."""
    import keras

    layers = keras.layers
    known = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Conv2DTranspose, layers.Dense)
    if type(layer) not in known:
        return f"a {type(layer).__name__} is rounded by the quantizer"
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        return "its channels come first"
    if getattr(layer, "quantization_mode", None) is not None:
        return "it is quantized already"
    if getattr(layer, "lora_enabled", False):
        return "its kernel is a sum, of itself and of what LoRA learned"
    return ""


def has_own_weights(layer: keras.Layer) -> bool:
    """Whether the kernel of a convolution or dense layer is a weight of it: not quantized, and without LoRA."""
    return getattr(layer, "quantization_mode", None) is None and not getattr(layer, "lora_enabled", False)


@dataclass(frozen=True, kw_only=True)
class Product:
    """One multiplication by weights.

    Attributes:
        kind: of the kernel.
        kernel: the weights as they are.
        bias: (outputs,), or None where none can be added.
        activation: of its outputs.
        groups: of a convolution.
        settings: strides, padding and the like, as Keras' operators take them.
    """

    kind: Kind
    kernel: Weights
    bias: Weights | None
    activation: Callable[[Tensor], Tensor]
    groups: int = 1
    settings: dict[str, Any]

    @property
    def outputs(self) -> int:
        """How many channels come out."""
        shape: tuple[int, ...] = self.kernel.shape
        if self.kind is Kind.DEPTHWISE:
            return shape[2] * shape[3]
        return shape[2] if self.kind is Kind.TRANSPOSED else shape[-1]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The K inputs of one group before they are flattened: (height, width, channels), or (channels,)."""
        shape: tuple[int, ...] = self.kernel.shape
        if self.kind is Kind.DEPTHWISE:
            return shape[:2]
        return shape[3:] if self.kind is Kind.TRANSPOSED else shape[:-1]

    def grouped(self, kernel: NDArray[Any]) -> NDArray[Any]:
        """Return weights (groups, K, M) of a kernel; a transposed one's M are taps * outputs."""
        if self.kind is Kind.DEPTHWISE:
            return np.moveaxis(kernel, 2, 0).reshape(kernel.shape[2], -1, kernel.shape[3])
        if self.kind is Kind.TRANSPOSED:
            return kernel.reshape(-1, kernel.shape[3]).T[None]
        return np.moveaxis(kernel.reshape(-1, self.groups, kernel.shape[-1] // self.groups), 1, 0)

    def ungrouped(self, weights: NDArray[Any]) -> NDArray[Any]:
        """Return the kernel of weights (groups, K, M)."""
        shape = self.kernel.shape
        if self.kind is Kind.DEPTHWISE:
            return np.moveaxis(weights.reshape(shape[2], *shape[:2], shape[3]), 0, 2)
        if self.kind is Kind.TRANSPOSED:
            taps: NDArray[Any] = weights[0].T
            return taps.reshape(shape)
        return np.moveaxis(weights, 0, 1).reshape(shape)

    def scaled(self, kernel: NDArray[Any], gain: Weights) -> NDArray[Any]:
        """Return a kernel with every output channel times its gain."""
        if self.kind is Kind.TRANSPOSED:
            return kernel * gain[:, None]
        return kernel * (gain.reshape(kernel.shape[2:]) if self.kind is Kind.DEPTHWISE else gain)

    def apply(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Return the outputs without bias and activation, for another kernel."""
        from keras import ops

        operators = {
            Kind.CONVOLUTION: ops.conv,
            Kind.DEPTHWISE: ops.depthwise_conv,
            Kind.TRANSPOSED: ops.conv_transpose,
        }
        if self.kind is Kind.DENSE:
            return ops.matmul(inputs, kernel)
        return operators[self.kind](inputs, kernel, data_format="channels_last", **self.settings)

    def rows(self, inputs: Tensor, count: int, generator: np.random.Generator) -> Tensor:
        """Return what the weights meet at up to `count` positions of every sample: (groups, S, K)."""
        import tensorflow as tf

        if self.kind in (Kind.DENSE, Kind.TRANSPOSED):
            return _drawn(inputs, count, generator)[None]
        windows = Windows(self.kernel.shape[:2], **self.settings)
        patches = windows.at_random(inputs, count, generator)  # (S, places, channels)
        places, channels = patches.shape[1:]
        if self.kind is Kind.DEPTHWISE:
            return tf.transpose(patches, (2, 0, 1))
        if self.groups == 1:
            return tf.reshape(patches, (1, -1, places * channels))
        split = tf.reshape(patches, (-1, places, self.groups, channels // self.groups))
        grouped = tf.transpose(split, (2, 0, 1, 3))
        return tf.reshape(grouped, (self.groups, -1, split.shape[1] * split.shape[3]))


def products(layer: keras.Layer) -> tuple[Product, ...]:
    """Return what a layer computes, one product after another; see `reason_against`."""
    import keras

    layers = keras.layers
    if isinstance(layer, layers.SeparableConv2D):
        pointwise = {"strides": 1, "padding": "valid", "dilation_rate": 1}
        linear = keras.activations.linear
        return (
            _product(Kind.DEPTHWISE, layer.depthwise_kernel, None, linear, _settings(layer)),
            _product(Kind.CONVOLUTION, layer.pointwise_kernel, _bias(layer), layer.activation, pointwise),
        )
    kinds = {
        layers.Dense: (Kind.DENSE, {}),
        layers.Conv2D: (Kind.CONVOLUTION, {"groups": getattr(layer, "groups", 1)}),
        layers.DepthwiseConv2D: (Kind.DEPTHWISE, {}),
        layers.Conv2DTranspose: (Kind.TRANSPOSED, {}),
    }
    kind, more = kinds[type(layer)]
    return (_product(kind, layer.kernel, _bias(layer), layer.activation, _settings(layer), **more),)


def _product(kind: Kind, kernel: Any, bias: Any, activation: Any, settings: dict[str, Any], groups: int = 1) -> Product:
    return Product(
        kind=kind,
        kernel=np.asarray(kernel, np.float32),
        bias=bias,
        activation=activation,
        groups=groups,
        settings=settings,
    )


def _settings(layer: keras.Layer) -> dict[str, Any]:
    """Return how a layer's windows lie, as Keras' operators take it."""
    names = ("strides", "padding", "dilation_rate", "output_padding")
    return {name: getattr(layer, name) for name in names if hasattr(layer, name)}


def _bias(layer: keras.Layer) -> Weights:
    if layer.use_bias:
        return np.asarray(layer.bias, np.float32)
    transposed, depthwise = "Transpose" in type(layer).__name__, "Depthwise" in type(layer).__name__
    shape = layer.pointwise_kernel.shape if hasattr(layer, "pointwise_kernel") else layer.kernel.shape
    outputs = shape[2] * shape[3] if depthwise else shape[2] if transposed else shape[-1]
    return np.zeros(outputs, np.float32)


def _drawn(inputs: Tensor, count: int, generator: np.random.Generator) -> Tensor:
    """Return up to `count` positions of every sample of (samples, ..., channels): (S, channels)."""
    import tensorflow as tf

    flat = tf.reshape(inputs, (inputs.shape[0], -1, inputs.shape[-1]))
    samples, positions, channels = flat.shape
    if positions <= count:
        return tf.reshape(flat, (-1, channels))
    picked = np.sort([generator.choice(positions, count, replace=False) for _ in range(samples)], axis=1)
    return tf.reshape(tf.gather(flat, picked, batch_dims=1), (-1, channels))
