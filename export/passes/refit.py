"""New weights layer by layer, each fitted to what the layers before it really give, and biases that take up the rest.

Every layer is settled for the inputs that the layers settled before it really give. What that still moves the
mean of a channel by goes into its bias: Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and
Bias Correction", https://arxiv.org/abs/1906.04721, section 4.2, with the mean as it is measured.
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
from export.passes.channel_fit import ChannelFit
from export.passes.feedback import MOST_ROWS_SHARE, Inputs, Rows
from export.passes.moments import moments
from export.passes.products import Kind, Product, products, reason_against
from export.passes.streaming import Handler, Stream

if TYPE_CHECKING:
    import keras

# Fewer say too little of the mean of a channel.
FEWEST_SAMPLES = 8

# New weights (groups, K, M) of a product, "layer/0", for its inputs.
Settle = Callable[[str, Product, Inputs], Array]


@dataclass
class Refit:
    """The layers that are settled so far: kernels and bias of each, by its id.

    Attributes:
        settle: gives a product other weights.
        positions: of every feature map of a sample, at which a layer's inputs are looked at.
        seed: of the choice of positions.
        kept: names of layers whose weights stay; their biases take up what the layers before them lost.
        weights: kernels and bias of each settled layer.
    """

    settle: Settle
    positions: int
    seed: int
    kept: frozenset[str]
    weights: dict[int, tuple[Array, ...]] = field(default_factory=dict)

    def handler(self, index: int, layer: keras.Layer) -> Handler:
        """Return what settles a layer at its first call, as soon as its inputs are known."""

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
                true, settled, gain, bias = _answers(product, kernel, true, settled)
                kernels.append(product.scaled(kernel, gain))
            self.weights[id(layer)] = (*kernels, bias)
            return true, settled

        return handle

    def written(self, model: keras.Model) -> keras.Model:
        """Return a copy of `model` with the settled layers."""

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
    """What reaches the layers of the network as it is.

    Attributes:
        positions: of every feature map of a sample, at which a layer's inputs are looked at.
        seed: of the choice of positions.
        look: is shown every product, "layer/0", and its inputs, at the layer's first call.
        seen: names of those that were shown.
    """

    positions: int
    seed: int
    look: Callable[[str, Product, Inputs], None]
    seen: set[str] = field(default_factory=set)

    def handler(self, layer: keras.Layer) -> Handler:
        """Return what shows a layer, and runs it."""

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
    """Return the layers to settle in the order of the graph, and the others with weights: name -> reason."""
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
    """Return what a layer's inputs are about their mean, which the bias takes care of."""
    if product.kind is Kind.DEPTHWISE:
        positions = max(1, positions // 4)  # of few inputs each, little has to be known
    drawn = (product.rows(chunk, positions, generator) for chunk in stream)
    first = next(drawn)
    groups, count, size = first.shape
    if groups == 1 and len(stream) * count <= MOST_ROWS_SHARE * size:
        rows = np.concatenate([some[0].numpy() for some in (first, *drawn)])
        rows -= rows.mean(axis=0)
        rows /= np.float32(np.sqrt(len(rows)))
        return Rows(rows)
    return moments(chain((first,), drawn))


def _reason_against(layer: keras.Layer, stream: Stream) -> str:
    """Return why weights could not be rounded for these inputs."""
    finite = all(np.isfinite(chunk.numpy()).all() for chunk in stream)
    said = "so large that float32 does not hold its squares" if finite else "not finite"
    return f"what reaches {layer.name} is {said}"


def _answers(product: Product, kernel: Array, true: Stream, rounded: Stream) -> tuple[Stream, Stream, Array, Array]:
    """Return a product's outputs in both streams, and gains and biases of its channels; empties its inputs.

    The bias gives a channel the float network's mean. The gain takes back what rounding shrank it by: weights that had
    to give way to their neighbours all became smaller, and through 50 layers such errors would add up, not cancel.
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
    """Return the outputs of a layer that was rounded at an earlier call; the last of its products has the bias."""
    for product, kernel in zip(steps, kernels, strict=True):
        own, other = (0.0, 0.0) if product.bias is None else (product.bias, bias)
        true = [product.activation(product.apply(one, product.kernel) + own) for one in true]
        rounded = [product.activation(product.apply(one, kernel) + other) for one in rounded]
    return true, rounded
