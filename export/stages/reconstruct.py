"""int8 weights that keep the answer: rounded with error feedback, layer by layer, and biases that take up the rest.

Every layer is rounded for the inputs that the layers rounded before it really give. What rounding still moves the
mean of a channel by goes into its bias: Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and
Bias Correction", https://arxiv.org/abs/1906.04721, section 4.2, with the mean as it is measured. The weights of the new
model lie on int8 grids, one step per output channel, on which every format's quantizer finds them again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from calibration.samples import Array, Samples
from export.stages import Staged, StageRecord, StageRefusedError
from export.stages.channel_fit import ChannelFit
from export.stages.feedback import MOST_ROWS_SHARE, Inputs, Rows
from export.stages.graph import Graph, copy
from export.stages.moments import moments
from export.stages.products import Kind, Product, products, reason_against
from export.stages.rounding import Rounded, round_depthwise, round_matrix, round_transposed
from export.stages.streaming import Handler, Pass, Stream

if TYPE_CHECKING:
    import keras

NAME = "reconstruct"

# Fewer say too little of the mean of a channel.
FEWEST_SAMPLES = 8


@dataclass(frozen=True, kw_only=True)
class Reconstruct:
    """The stage, for a flat model with folded batch norms.

    Attributes:
        positions: of every feature map of a sample, at which a layer's inputs are looked at.
        ridge: added to the inputs' second moments, as a share of their mean.
        seed: of the choice of positions.
        kept: names of layers whose weights are to stay float32: they are not rounded, but their biases take up what
            the layers before them lost.
    """

    positions: int = 50
    ridge: float = 0.1
    seed: int = 0
    kept: frozenset[str] = frozenset()

    def __call__(self, model: keras.Model, samples: Samples) -> Staged:
        """Return the model with rounded weights.

        Raises:
            StageRefusedError: the model cannot be copied, or gives a layer what no float32 can hold.
        """
        start = time.perf_counter()
        chosen, skipped = _chosen(model)
        rounding = Rounding(self, {})
        handlers = {id(layer): rounding.handler(index, layer) for index, layer in enumerate(chosen)}
        outputs = list(Pass(model, samples).run(handlers))
        record = StageRecord(
            name=NAME,
            parameters={
                "positions": self.positions,
                "ridge": self.ridge,
                "seed": self.seed,
                "samples": len(samples),
                "kept": sorted(self.kept),
            },
            seconds=round(time.perf_counter() - start, 2),
            layers=tuple(layer.name for layer in chosen),
            skipped=skipped,
            measured={"weights_sqnr_db": min((_sqnr_db(*pair) for pair in outputs), default=0.0)},
        )
        return Staged(rounding.written(model), record)


@dataclass
class Rounding:
    """The layers that are rounded so far: kernels and bias of each, by its id."""

    stage: Reconstruct
    weights: dict[int, tuple[Array, ...]] = field(default_factory=dict)

    def handler(self, index: int, layer: keras.Layer) -> Handler:
        """Return what rounds a layer at its first call, as soon as its inputs are known."""

        def handle(true: Stream, rounded: Stream) -> tuple[Stream, Stream]:
            steps = products(layer)
            if id(layer) in self.weights:
                *kernels, bias = self.weights[id(layer)]
                return _called_again(steps, kernels, bias, true, rounded)
            generator, kernels = np.random.default_rng([self.stage.seed, index]), []
            for product in steps:
                kernel = product.kernel
                if layer.name not in self.stage.kept:
                    inputs = _inputs(product, rounded, self.stage.positions, generator)
                    kernel = product.ungrouped(_rounded(product, inputs, self.stage.ridge).values)
                    del inputs
                if not np.isfinite(kernel).all():
                    raise StageRefusedError(_reason_against(layer, rounded))
                true, rounded, gain, bias = _answers(product, kernel, true, rounded)
                kernels.append(product.scaled(kernel, gain))
            self.weights[id(layer)] = (*kernels, bias)
            return true, rounded

        return handle

    def written(self, model: keras.Model) -> keras.Model:
        """Return a copy of `model` with the rounded layers."""

        def replaced(layer: keras.Layer) -> keras.Layer | None:
            if id(layer) not in self.weights:
                return None
            return type(layer).from_config({**layer.get_config(), "use_bias": True})

        new, others = copy(model, replaced)
        for key, layer in others.items():
            layer.set_weights(self.weights[key])
        return new


def _chosen(model: keras.Model) -> tuple[list[keras.Layer], dict[str, str]]:
    """Return the layers to round in the order of the graph, and the others with weights: name -> reason."""
    import keras

    chosen, skipped = [], {}
    for layer in {id(node.operation): node.operation for node in Graph(model).nodes}.values():
        if not isinstance(layer, keras.Layer) or not layer.weights:
            continue
        if reason := reason_against(layer):
            skipped[layer.name] = reason
        else:
            chosen.append(layer)
    return chosen, skipped


def _rounded(product: Product, inputs: Inputs, ridge: float) -> Rounded:
    weights = product.grouped(product.kernel)
    if product.kind is Kind.DEPTHWISE:
        return round_depthwise(weights, inputs, ridge)
    if product.kind is Kind.TRANSPOSED:
        return round_transposed(weights, inputs, ridge, product.outputs)
    return round_matrix(weights, inputs, ridge, product.input_shape)


def _inputs(product: Product, stream: Stream, positions: int, generator: np.random.Generator) -> Inputs:
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


def _sqnr_db(true: Array, rounded: Array) -> float:
    error = np.sum((true.astype(np.float64) - rounded) ** 2)
    return float(10 * np.log10(np.sum(true.astype(np.float64) ** 2) / error)) if error else 200.0
