"""Fold batch norms, which are a scale and an offset per channel at inference, into the layers before them.

A batch norm of images or steps without such a layer, as after a concatenation in DenseNet, becomes a depthwise
convolution of window 1: one operator with an integer weight and a bias per channel instead of a product and a sum with
one step for all channels.

Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
https://arxiv.org/abs/1712.05877, section 3.2.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.samples import Array, Samples
from export.model.graph import Graph, Node, copy, is_dissolved
from export.passes import PassRecord, PassResult
from export.passes.fitting.convolutions import is_separable, kind_of
from export.passes.fitting.product import Kind
from export.passes.fitting.products import has_own_weights

if TYPE_CHECKING:
    import keras


NAME = "fold"


class Fold:
    """The folding pass."""

    def __call__(self, model: keras.Model, samples: Samples) -> PassResult:
        """Return the model with folded batch norms and without nested models.

        Raises:
            PassRefusedError: the model cannot be copied.
        """
        start = time.perf_counter()
        folded = fold(model)
        layers = (*(layer.name for layer, _ in foldable(flat(model))), *(norm.name for norm in alone(flat(model))))
        return PassResult(
            folded, PassRecord(name=NAME, exact=True, seconds=round(time.perf_counter() - start, 2), layers=layers)
        )


def flat(model: keras.Model) -> keras.Model:
    """Return the model, or a copy with its nested models dissolved into their layers.

    Raises:
        PassRefusedError: the model cannot be copied.
    """
    if any(is_dissolved(node.operation) for node in Graph(model).nodes):
        return copy(model, lambda _: None)[0]
    return model


def fold(model: keras.Model) -> keras.Model:
    """Return a flat copy of a functional model with folded batch norms.

    A folded batch norm becomes an Identity of the same name, so that graph and tensor names stay. A batch norm of
    images or steps that cannot be folded becomes a depthwise convolution of the same name; this is the case without a
    convolution or dense layer before it, after a layer with an activation, or if the layer's output has other readers.
    Batch norms that are called more than once or have other shapes stay unchanged.

    Raises:
        PassRefusedError: the model cannot be copied.
    """
    import keras

    model = flat(model)
    pairs, lonely = foldable(model), alone(model)
    norms = {id(norm) for _, norm in pairs}
    ranks = {id(norm): norm.input_spec.ndim for norm in lonely}

    def replaced(layer: keras.Layer) -> keras.Layer | None:
        if id(layer) in norms:
            return keras.layers.Identity(name=layer.name, dtype=layer.dtype_policy.name)
        if any(layer is norm for norm in lonely):
            kind = keras.layers.DepthwiseConv2D if ranks[id(layer)] == 4 else keras.layers.DepthwiseConv1D
            return kind(1, name=layer.name, dtype=layer.dtype_policy.name)
        if any(layer is other for other, _ in pairs):
            return type(layer).from_config({**layer.get_config(), "use_bias": True})
        return None

    folded, others = copy(model, replaced)
    for layer, norm in pairs:
        others[id(layer)].set_weights(_folded(layer, norm))
    for norm in lonely:
        scale, offset = _affine(norm)
        weights = scale.reshape(*[1] * (ranks[id(norm)] - 2), -1, 1), offset
        others[id(norm)].set_weights([values.astype(np.float32) for values in weights])
    return folded


def foldable(model: keras.Model) -> list[tuple[keras.Layer, keras.Layer]]:
    """Return all pairs of a layer and a batch norm that can be folded into it."""
    import keras

    graph = Graph(model)
    makers = {id(tensor): node for node in graph.nodes for tensor in node.outputs}
    found = []
    for node in graph.nodes:
        if type(node.operation) is not keras.layers.BatchNormalization:
            continue
        (source,) = node.input_tensors
        maker = makers.get(id(source))
        if maker is not None and graph.reads[id(source)] == 1 and _folds(graph, maker, node):
            found.append((maker.operation, node.operation))
    return found


def alone(model: keras.Model) -> list[keras.Layer]:
    """Return the batch norms of images or steps (N, ..., channels) that fold into no layer and are called once."""
    import keras

    graph, folded = Graph(model), {id(norm) for _, norm in foldable(model)}
    return [
        node.operation
        for node in graph.nodes
        if type(node.operation) is keras.layers.BatchNormalization
        and id(node.operation) not in folded
        and len(node.input_tensors[0].shape) in (3, 4)
        and graph.calls[id(node.operation)] == 1
        and _is_affine(node)
    ]


def _is_affine(node: Node) -> bool:
    """Return whether a batch norm is a scale and an offset along the last axis."""
    norm, shape = node.operation, node.input_tensors[0].shape
    return norm.axis in (-1, len(shape) - 1) and not node.arguments.kwargs.get("training")


def _folds(graph: Graph, maker: Node, node: Node) -> bool:
    import keras

    layer, norm = maker.operation, node.operation
    return (
        (kind_of(layer) is not None or type(layer) is keras.layers.Dense)
        and graph.calls[id(layer)] == graph.calls[id(norm)] == 1
        and layer.activation is keras.activations.linear
        and has_own_weights(layer)
        and getattr(layer, "data_format", "channels_last") == "channels_last"
        and _is_affine(node)
    )


def _folded(layer: keras.Layer, norm: keras.Layer) -> list[Array]:
    """Return the float32 weights of `layer` with `norm` folded in."""
    scale, offset = _affine(norm)
    *kernels, last = [_values(weight) for weight in layer.weights if weight is not getattr(layer, "bias", None)]
    kind = None if is_separable(layer) else kind_of(layer)
    if kind is Kind.DEPTHWISE:
        last = last * scale.reshape(last.shape[-2:])  # (..., channels, multiplier)
    elif kind is Kind.TRANSPOSED:
        last = last * scale[:, None]  # (..., outputs, inputs)
    else:
        last = last * scale
    bias = offset + (_values(layer.bias) * scale if layer.use_bias else 0.0)
    return [values.astype(np.float32) for values in (*kernels, last, bias)]


def _affine(norm: keras.Layer) -> tuple[Array, Array]:
    """Return the scale and the offset of a batch norm, (channels,) each."""
    mean, variance = (_values(weight) for weight in (norm.moving_mean, norm.moving_variance))
    scale = (_values(norm.gamma) if norm.scale else 1.0) / np.sqrt(variance + norm.epsilon)
    return scale, (_values(norm.beta) if norm.center else 0.0) - mean * scale


def _values(weight: Any) -> Array:
    values: Array = np.asarray(weight, np.float64)
    return values
