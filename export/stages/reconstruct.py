"""int8 weights that keep the answer: rounded with error feedback, layer by layer, and biases that take up the rest.

Every layer is rounded for the inputs that the layers rounded before it really give. What rounding still moves the
mean of a channel by goes into its bias: Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and
Bias Correction", https://arxiv.org/abs/1906.04721, section 4.2, with the mean as it is measured. The weights of the new
model lie on int8 grids, one step per output channel, on which every format's quantizer finds them again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from calibration.samples import Array, Samples
from export.stages import Staged, StageRecord, StageRefusedError
from export.stages.fold import fold
from export.stages.graph import Graph, copy
from export.stages.products import Product, axes_but_last, reason_against
from export.stages.rounding import Rounded, round_depthwise, round_matrix
from export.stages.streaming import Handler, Pass, Stream

if TYPE_CHECKING:
    import keras

NAME = "reconstruct"

# Fewer say too little of the mean of a channel.
FEWEST_SAMPLES = 8

# A channel whose weights shrank by more has been lost otherwise.
LARGEST_GAIN = 1.1


@dataclass(frozen=True, kw_only=True)
class Reconstruct:
    """The stage.

    Attributes:
        positions: of every feature map of a sample, at which a layer's inputs are looked at.
        ridge: added to the inputs' second moments, as a share of their mean.
        seed: of the choice of positions.
    """

    positions: int = 100
    ridge: float = 0.1
    seed: int = 0

    def __call__(self, model: keras.Model, samples: Samples) -> Staged:
        """Return the model with folded batch norms and rounded weights.

        Raises:
            StageRefusedError: the model cannot be copied.
        """
        start = time.perf_counter()
        folded = fold(model)
        chosen, skipped = _chosen(folded)
        rounding = Rounding(self, {})
        handlers = {id(layer): rounding.handler(index, layer) for index, layer in enumerate(chosen)}
        outputs = list(Pass(folded, samples).run(handlers))
        record = StageRecord(
            name=NAME,
            parameters={"positions": self.positions, "ridge": self.ridge, "seed": self.seed, "samples": len(samples)},
            seconds=round(time.perf_counter() - start, 2),
            layers=tuple(layer.name for layer in chosen),
            skipped=skipped,
            measured={"weights_sqnr_db": min((_sqnr_db(*pair) for pair in outputs), default=0.0)},
        )
        return Staged(rounding.written(folded), record)


@dataclass
class Rounding:
    """The layers that are rounded so far."""

    stage: Reconstruct
    weights: dict[str, tuple[Array, Array]] = field(default_factory=dict)

    def handler(self, index: int, layer: keras.Layer) -> Handler:
        """Return what rounds a layer as soon as its inputs are known."""

        def handle(true: Stream, rounded: Stream) -> tuple[Stream, Stream]:
            product, generator = Product(layer), np.random.default_rng([self.stage.seed, index])
            moments = _moments(product, rounded, self.stage.positions, generator)
            kernel = product.ungrouped(_rounded(product, moments, self.stage.ridge).values)
            if not np.isfinite(kernel).all():
                raise StageRefusedError(f"what reaches {layer.name} is not finite")
            before, after, gain, bias = _answers(product, kernel, true, rounded)
            self.weights[layer.name] = product.scaled(kernel, gain), bias
            return before, after

        return handle

    def written(self, model: keras.Model) -> keras.Model:
        """Return a copy of `model` with the rounded layers."""

        def replaced(layer: keras.Layer) -> keras.Layer | None:
            if layer.name not in self.weights:
                return None
            return type(layer).from_config({**layer.get_config(), "use_bias": True})

        new, others = copy(model, replaced)
        for name, layer in others.items():
            layer.set_weights(self.weights[name])
        return new


def _chosen(model: keras.Model) -> tuple[list[keras.Layer], dict[str, str]]:
    """Return the layers to round in the order of the graph, and the others with weights: name -> reason."""
    import keras

    graph = Graph(model)
    chosen, skipped = [], {}
    for layer in {id(node.operation): node.operation for node in graph.nodes}.values():
        if not isinstance(layer, keras.Layer) or not layer.weights:
            continue
        reason = reason_against(layer) or ("it is called more than once" if graph.calls[id(layer)] > 1 else "")
        if reason:
            skipped[layer.name] = reason
        else:
            chosen.append(layer)
    return chosen, skipped


def _rounded(product: Product, moments: NDArray[np.float32], ridge: float) -> Rounded:
    weights = product.grouped(product.kernel)
    if product.is_depthwise:
        return round_depthwise(weights, moments, ridge)
    return round_matrix(weights, moments, ridge, product.input_shape)


def _moments(product: Product, stream: Stream, positions: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """Return the second moments (groups, K, K) of a layer's inputs about their mean, which the bias takes care of."""
    import tensorflow as tf

    squares: Any = 0.0
    total: Any = 0.0
    count = 0
    for chunk in stream:
        rows = product.rows(chunk, positions, generator)
        squares += tf.matmul(rows, rows, transpose_a=True)
        total += tf.reduce_sum(rows, axis=1)
        count += rows.shape[1]
    mean = total / count
    found: NDArray[np.float32] = np.array(squares / count - mean[:, :, None] * mean[:, None, :])
    return found


def _answers(product: Product, kernel: Array, true: Stream, rounded: Stream) -> tuple[Stream, Stream, Array, Array]:
    """Return the layer's outputs in both streams, and gains and biases of its channels; empties its inputs.

    The bias gives a channel the float network's mean. The gain takes back what rounding shrank it by: weights that had
    to give way to their neighbours all became smaller, and through 50 layers such errors would add up, not cancel.
    """
    import tensorflow as tf

    original, new = tf.constant(product.kernel), tf.constant(kernel, tf.float32)
    bias, sums, count = product.bias, np.zeros((4, len(product.bias))), 0
    before, after = [], []
    for index in range(len(true)):
        one, other = product.apply(true[index], original), product.apply(rounded[index], new)
        true[index] = rounded[index] = None
        axes = axes_but_last(one)
        sums += [tf.reduce_sum(values, axis=axes).numpy() for values in (one, other, one * one, one * other)]
        count += int(np.prod(one.shape[:-1]))
        before.append(product.layer.activation(one + bias))
        after.append(other)
        del one, other
    mean_true, mean_rounded, square, common = sums / count
    variance, covariance = square - mean_true**2, common - mean_true * mean_rounded
    gain = np.ones_like(variance)
    np.divide(variance, covariance, out=gain, where=(variance > 1e-6 * square) & (covariance > 0.5 * variance))
    gain = np.clip(gain, 1 / LARGEST_GAIN, LARGEST_GAIN).astype(np.float32)
    corrected: Any = (bias + mean_true - gain * mean_rounded).astype(np.float32)
    for index, values in enumerate(after):
        after[index] = product.layer.activation(values * gain + corrected)
    return before, after, gain, corrected


def _sqnr_db(true: Array, rounded: Array) -> float:
    error = np.sum((true.astype(np.float64) - rounded) ** 2)
    return float(10 * np.log10(np.sum(true.astype(np.float64) ** 2) / error)) if error else 200.0
