"""Layers as sequences of products of input rows and weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from export.passes.fitting.convolutions import convolutions, kind_of
from export.passes.fitting.equations import matrix_product
from export.passes.fitting.product import Kind, Product

if TYPE_CHECKING:
    import keras


def reason_against(layer: keras.Layer) -> str:
    """Return why the passes cannot rewrite a layer's weights; an empty string if they can."""
    import keras

    layers = keras.layers
    if kind_of(layer) is None and type(layer) not in (layers.Dense, layers.EinsumDense):
        return f"the weights of a {type(layer).__name__} are rounded by the quantizer"
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        return "the layer uses channels_first"
    if getattr(layer, "quantization_mode", None) is not None:
        return "the layer is quantized already"
    if getattr(layer, "lora_enabled", False):
        return "the layer's kernel is the sum of a weight and a LoRA update"
    if isinstance(layer, layers.EinsumDense):
        return _reason_against_equation(layer)
    return ""


def _reason_against_equation(layer: keras.Layer) -> str:
    found = matrix_product(layer.equation)
    if found is None:
        return f"{layer.equation} is no product of rows and a matrix"
    if not found.outputs.endswith(layer.bias_axes or ""):
        return f"the bias has the axes {layer.bias_axes}, the outputs of the matrix {found.outputs}"
    return ""


def with_bias(layer: keras.Layer) -> dict[str, Any]:
    """Return the configuration of a layer that `reason_against` accepts, with one bias for each output."""
    import keras

    if isinstance(layer, keras.layers.EinsumDense):
        found = matrix_product(layer.equation)
        return {**layer.get_config(), "bias_axes": found.outputs if found else None}
    return {**layer.get_config(), "use_bias": True}


def has_own_weights(layer: keras.Layer) -> bool:
    """Return whether a convolution or dense layer multiplies by its stored kernel: not quantized, without LoRA."""
    return getattr(layer, "quantization_mode", None) is None and not getattr(layer, "lora_enabled", False)


def products(layer: keras.Layer) -> tuple[Product, ...]:
    """Return the products of a layer in order; `reason_against` must accept the layer."""
    import keras

    if isinstance(layer, keras.layers.EinsumDense):
        return (_einsum(layer),)
    return (_dense(layer),) if isinstance(layer, keras.layers.Dense) else convolutions(layer)


def _dense(layer: keras.Layer) -> Product:
    kernel = np.asarray(layer.kernel, np.float32)
    return Product(
        kind=Kind.DENSE,
        kernel=kernel,
        bias=np.asarray(layer.bias, np.float32) if layer.use_bias else np.zeros(kernel.shape[1], np.float32),
        activation=layer.activation,
        settings={},
    )


def _einsum(layer: keras.Layer) -> Product:
    """Return the product of an EinsumDense with its kernel as a matrix; the activation restores the output's axes."""
    import tensorflow as tf

    found = matrix_product(layer.equation)
    if found is None:
        raise ValueError(f"{layer.equation} is no product of rows and a matrix")
    kernel = np.asarray(layer.kernel, np.float32)
    outputs = kernel.shape[found.joined :]
    bias = np.zeros(outputs, np.float32) if layer.bias is None else np.asarray(layer.bias, np.float32)
    return Product(
        kind=Kind.DENSE,
        kernel=kernel.reshape(-1, math.prod(outputs)),
        bias=np.broadcast_to(bias, outputs).reshape(-1),
        activation=lambda values: layer.activation(tf.reshape(values, (*values.shape[:-1], *outputs))),
        joined=found.joined,
        settings={},
    )
