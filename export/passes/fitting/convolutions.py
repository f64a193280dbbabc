"""Convolution layers as products. A convolution over steps is one over images of height 1, as LiteRT computes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from export.passes.fitting.product import Kind, Product, Weights

if TYPE_CHECKING:
    import keras

# Axis of strides, dilations and output padding that images of height 1 do not have.
OF_HEIGHT_1 = {"strides": 1, "dilation_rate": 1, "output_padding": 0}


def kind_of(layer: keras.Layer) -> Kind | None:
    """Return the kind of a convolution layer's first product; None if the layer is of another type."""
    import keras

    layers = keras.layers
    kinds = {
        Kind.CONVOLUTION: (layers.Conv1D, layers.Conv2D),
        Kind.DEPTHWISE: (
            layers.DepthwiseConv1D,
            layers.DepthwiseConv2D,
            layers.SeparableConv1D,
            layers.SeparableConv2D,
        ),
        Kind.TRANSPOSED: (layers.Conv1DTranspose, layers.Conv2DTranspose),
    }
    return next((kind for kind, types in kinds.items() if type(layer) in types), None)


def is_separable(layer: keras.Layer) -> bool:
    """Return whether a layer is a depthwise convolution and a pointwise one."""
    import keras

    return type(layer) in (keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)


def convolutions(layer: keras.Layer) -> tuple[Product, ...]:
    """Return the products of a convolution layer in order."""
    import keras

    kind = kind_of(layer)
    if kind is None:
        raise ValueError(f"{type(layer).__name__} is no convolution")
    if not is_separable(layer):
        settings, first = _settings(layer)
        return (_product(layer, kind, layer.kernel, settings, zeros_before=first),)
    pointwise = {"strides": 1, "padding": "valid", "dilation_rate": 1}
    settings, _ = _settings(layer)
    depthwise = Product(
        kind=kind,
        kernel=_of_images(layer.depthwise_kernel),
        bias=None,
        activation=keras.activations.linear,
        over_steps=layer.rank == 1,
        settings=settings,
    )
    return depthwise, _product(layer, Kind.CONVOLUTION, layer.pointwise_kernel, pointwise)


def _product(layer: keras.Layer, kind: Kind, kernel: Any, settings: dict[str, Any], zeros_before: int = 0) -> Product:
    """Return the product that adds a layer's bias; one without a bias gets zeros."""
    kernel = _of_images(kernel)
    shape = kernel.shape
    outputs = {Kind.DEPTHWISE: shape[2] * shape[3], Kind.TRANSPOSED: shape[2]}.get(kind, shape[3])
    return Product(
        kind=kind,
        kernel=kernel,
        bias=np.asarray(layer.bias, np.float32) if layer.use_bias else np.zeros(outputs, np.float32),
        activation=layer.activation,
        groups=getattr(layer, "groups", 1),
        over_steps=layer.rank == 1,
        zeros_before=zeros_before,
        settings=settings,
    )


def _of_images(kernel: Any) -> Weights:
    """Return a kernel (height, width, ., .); that of a convolution over steps gets the height 1."""
    values = np.asarray(kernel, np.float32)
    return values if values.ndim == 4 else values[None]


def _settings(layer: keras.Layer) -> tuple[dict[str, Any], int]:
    """Return arguments of the Keras operators over images, and the number of zero steps that go before the inputs."""
    found = {name: getattr(layer, name) for name in ("padding", *OF_HEIGHT_1) if hasattr(layer, name)}
    if layer.rank == 1:
        found |= {name: (one, *found[name]) for name, one in OF_HEIGHT_1.items() if found.get(name) is not None}
    if kind_of(layer) is Kind.DEPTHWISE and layer.rank == 1:
        found["strides"] = layer.strides * 2  # TensorFlow has no depthwise kernel for uneven strides
    if layer.padding != "causal":
        return found, 0
    return {**found, "padding": "valid"}, layer.dilation_rate[0] * (layer.kernel_size[0] - 1)
