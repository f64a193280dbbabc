"""Replace weights layer by layer, each fitted to the actual outputs of the replaced layers before it.

The remaining shift of a channel's mean is corrected by its bias: Nagel et al. 2019, "Data-Free Quantization Through
Weight Equalization and Bias Correction", https://arxiv.org/abs/1906.04721, section 4.2, with measured means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from calibration.samples import Array
from export.errors import PassRefusedError
from export.model.graph import copy, copy_own_state
from export.passes.fitting.channel_fit import ChannelFit
from export.passes.fitting.feedback import Inputs
from export.passes.fitting.inside import Handler, Stream
from export.passes.fitting.product import Product
from export.passes.fitting.products import products
from export.passes.fitting.sublayers import config_with_biases, sublayers
from export.passes.fitting.survey import inputs_of

if TYPE_CHECKING:
    import keras

# Fewer samples do not determine the mean of a channel well enough.
FEWEST_SAMPLES = 8

NOT_ONCE = "the layer that it is inside of does not call it exactly once"

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

    def handlers(self, layers: Mapping[str, keras.Layer]) -> dict[int, Handler]:
        """Return the traversal handlers, by layer id, that replace the weights of layers at their first calls."""
        numbered = enumerate(layers.items())
        return {id(layer): self._handler(index, name, layer) for index, (name, layer) in numbered}

    def _handler(self, index: int, name: str, layer: keras.Layer) -> Handler:
        def handle(true: Stream, settled: Stream) -> tuple[Stream, Stream]:
            steps = products(layer)
            if id(layer) in self.weights:
                *kernels, bias = self.weights[id(layer)]
                return _called_again(steps, kernels, bias, true, settled)
            generator, kernels = np.random.default_rng([self.seed, index]), []
            for number, product in enumerate(steps):
                kernel = product.kernel
                if name.partition("/")[0] not in self.kept:
                    inputs = inputs_of(product, settled, self.positions, generator)
                    kernel = product.ungrouped(self.settle(f"{name}/{number}", product, inputs))
                    del inputs
                if not np.isfinite(kernel).all():
                    raise PassRefusedError(_reason_against(name, settled))
                true, settled, gain, bias = _corrected_outputs(product, kernel, true, settled)
                kernels.append(product.scaled(kernel, gain))
            self.weights[id(layer)] = (*kernels, bias)
            return true, settled

        return handle

    def done(self, layers: Mapping[str, keras.Layer]) -> tuple[tuple[str, ...], dict[str, str]]:
        """Return the names of the layers that have new weights, and the reasons for the others."""
        done = tuple(name for name, layer in layers.items() if id(layer) in self.weights)
        return done, {name: NOT_ONCE for name in layers if name not in done}

    def written(self, model: keras.Model) -> keras.Model:
        """Return a copy of `model` with the new weights."""
        originals: dict[int, keras.Layer] = {}

        def replaced(layer: keras.Layer) -> keras.Layer | None:
            if not any(id(one) in self.weights for one in (layer, *(inner for _, inner in sublayers(layer)))):
                return None
            originals[id(layer)] = layer
            return type(layer).from_config(config_with_biases(layer))

        new, others = copy(model, replaced)
        for key, layer in others.items():
            self._fill(originals[key], layer)
        return new

    def _fill(self, layer: keras.Layer, other: keras.Layer) -> None:
        """Set the weights of a layer's copy, and of the layers inside of it."""
        for one, copied in zip(layer._flatten_layers(), other._flatten_layers(), strict=True):
            if id(one) in self.weights:
                new = zip(self.weights[id(one)], copied.weights, strict=True)
                copied.set_weights([values.reshape(weight.shape) for values, weight in new])
            else:
                copy_own_state(one, copied)


def _reason_against(name: str, stream: Stream) -> str:
    """Return why a layer's inputs lead to weights that are not finite."""
    finite = all(np.isfinite(chunk.numpy()).all() for chunk in stream)
    problem = "are so large that their squares overflow float32" if finite else "are not finite"
    return f"the inputs of layer {name} {problem}"


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
