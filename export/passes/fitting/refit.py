"""Replace weights layer by layer, each fitted to the actual outputs of the replaced layers before it.

The remaining shift of a channel's mean is corrected by its bias: Nagel et al. 2019, "Data-Free Quantization Through
Weight Equalization and Bias Correction", https://arxiv.org/abs/1906.04721, section 4.2, with measured means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from calibration.samples import Array
from export.errors import PassRefusedError
from export.model.graph import Graph, copy
from export.passes.fitting.channel_fit import ChannelFit
from export.passes.fitting.feedback import MOST_ROWS_SHARE, Inputs, Rows
from export.passes.fitting.moments import moments
from export.passes.fitting.products import Kind, Product, products, reason_against
from export.passes.fitting.streaming import Handler, Stream

if TYPE_CHECKING:
    import keras

# Fewer samples do not determine the mean of a channel well enough.
FEWEST_SAMPLES = 8

# Returns the new weights (groups, K, M) of a product, named "layer/0", for its inputs.
Settle = Callable[[str, Product, Inputs], Array]


@dataclass
class Refit:
    """Replaces the weights of layers during a traversal, and collects the new ones.

    Attributes:
        settle: returns the new weights of a product.
        positions: number of sampled positions per feature map and sample.
        seed: random seed of the positions.
        kept: names of layers that keep their weights; their biases compensate errors of the layers before them.
        weights: new kernels and bias of each processed layer, by layer id.
    """

    settle: Settle
    positions: int
    seed: int
    kept: frozenset[str]
    weights: dict[int, tuple[Array, ...]] = field(default_factory=dict)

    def handler(self, index: int, layer: keras.Layer) -> Handler:
        """Return the traversal handler that replaces the weights of `layer` at its first call."""

        def handle(true: Stream, settled: Stream) -> tuple[Stream, Stream]:
            steps = products(layer)
            if id(layer) in self.weights:
                *kernels, bias = self.weights[id(layer)]
                return _called_again(steps, kernels, bias, true, settled)
            generator, kernels = np.random.default_rng([self.seed, index]), []
            for number, product in enumerate(steps):
                kernel = product.kernel
                if layer.name not in self.kept:
                    inputs = inputs_of(product, settled, self.positions, generator)
                    kernel = product.ungrouped(self.settle(f"{layer.name}/{number}", product, inputs))
                    del inputs
                if not np.isfinite(kernel).all():
                    raise PassRefusedError(_reason_against(layer, settled))
                true, settled, gain, bias = _corrected_outputs(product, kernel, true, settled)
                kernels.append(product.scaled(kernel, gain))
            self.weights[id(layer)] = (*kernels, bias)
            return true, settled

        return handle

    def written(self, model: keras.Model) -> keras.Model:
        """Return a copy of `model` with the new weights."""

        def replaced(layer: keras.Layer) -> keras.Layer | None:
            if id(layer) not in self.weights:
                return None
            return type(layer).from_config({**layer.get_config(), "use_bias": True})

        new, others = copy(model, replaced)
        for key, layer in others.items():
            layer.set_weights(self.weights[key])
        return new


@dataclass
class Survey:
    """Reports the inputs of each layer in the unchanged network.

    Attributes:
        positions: number of sampled positions per feature map and sample.
        seed: random seed of the positions.
        look: receives the name ("layer/0"), product and inputs of every product at the layer's first call.
        seen: names of the products reported so far.
    """

    positions: int
    seed: int
    look: Callable[[str, Product, Inputs], None]
    seen: set[str] = field(default_factory=set)

    def handler(self, layer: keras.Layer) -> Handler:
        """Return the traversal handler that reports the inputs of `layer` and runs it."""

        def handle(true: Stream, _: Stream) -> tuple[Stream, Stream]:
            generator = np.random.default_rng(self.seed)
            for number, product in enumerate(products(layer)):
                name = f"{layer.name}/{number}"
                if name not in self.seen:
                    self.seen.add(name)
                    self.look(name, product, inputs_of(product, true, self.positions, generator))
                bias = 0.0 if product.bias is None else product.bias
                true = [product.activation(product.apply(one, product.kernel) + bias) for one in true]
            return true, true

        return handle


def chosen(model: keras.Model) -> tuple[list[keras.Layer], dict[str, str]]:
    """Return the layers whose weights can be replaced, in graph order, and the reasons for the others by name."""
    import keras

    found, skipped = [], {}
    for layer in {id(node.operation): node.operation for node in Graph(model).nodes}.values():
        if not isinstance(layer, keras.Layer) or not layer.weights:
            continue
        if reason := reason_against(layer):
            skipped[layer.name] = reason
        else:
            found.append(layer)
    return found, skipped


def inputs_of(product: Product, stream: Stream, positions: int, generator: np.random.Generator) -> Inputs:
    """Return statistics of a product's inputs about their mean; the bias accounts for the mean itself."""
    if product.kind is Kind.DEPTHWISE:
        positions = max(1, positions // 4)  # the few inputs of each channel need fewer positions
    sampled = (product.rows(chunk, positions, generator) for chunk in stream)
    first = next(sampled)
    groups, count, size = first.shape
    if groups == 1 and len(stream) * count <= MOST_ROWS_SHARE * size:
        rows = np.concatenate([some[0].numpy() for some in (first, *sampled)])
        rows -= rows.mean(axis=0)
        rows /= np.float32(np.sqrt(len(rows)))
        return Rows(rows)
    return moments(chain((first,), sampled))


def _reason_against(layer: keras.Layer, stream: Stream) -> str:
    """Return why a layer's inputs lead to weights that are not finite."""
    finite = all(np.isfinite(chunk.numpy()).all() for chunk in stream)
    problem = "are so large that their squares overflow float32" if finite else "are not finite"
    return f"the inputs of layer {layer.name} {problem}"


def _corrected_outputs(
    product: Product, kernel: Array, true: Stream, rounded: Stream
) -> tuple[Stream, Stream, Array, Array]:
    """Return a product's outputs in both streams, and gain and bias of its channels; the input lists are emptied.

    The bias restores the float network's mean of each channel. The gain compensates shrinkage by rounding: limits on
    neighbouring weights make weights smaller, and over 50 layers such errors would accumulate instead of cancelling.
    """
    import tensorflow as tf

    original, new = tf.constant(product.kernel), tf.constant(kernel, tf.float32)
    bias = product.bias if product.bias is not None else np.zeros(product.outputs, np.float32)
    fit = ChannelFit(product.outputs)
    before, after = [], []
    for index in range(len(true)):
        one, other = product.apply(true[index], original), product.apply(rounded[index], new)
        true[index] = rounded[index] = None
        fit.add(one, other)
        before.append(product.activation(one + bias))
        after.append(other)
        del one, other
    gain, offset = fit.line()
    corrected = bias + offset if product.bias is not None else np.zeros_like(offset)
    for index, values in enumerate(after):
        after[index] = product.activation(values * gain + corrected)
    return before, after, gain, corrected


def _called_again(
    steps: tuple[Product, ...], kernels: list[Array], bias: Array, true: Stream, rounded: Stream
) -> tuple[Stream, Stream]:
    """Return the outputs of a layer whose weights were replaced at an earlier call; its last product has the bias."""
    for product, kernel in zip(steps, kernels, strict=True):
        own, other = (0.0, 0.0) if product.bias is None else (product.bias, bias)
        true = [product.activation(product.apply(one, product.kernel) + own) for one in true]
        rounded = [product.activation(product.apply(one, kernel) + other) for one in rounded]
    return true, rounded
