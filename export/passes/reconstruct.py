"""Round weights to integers with error feedback, layer by layer, and correct the biases, to preserve the outputs.

The traversal is that of `refit`. The new weights are float32 multiples of one step per output channel, which every
format's quantizer recovers exactly.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from calibration.samples import Array, Samples
from export.passes import PassRecord, PassResult
from export.passes.fitting.feedback import Inputs
from export.passes.fitting.product import Kind, Product
from export.passes.fitting.refit import Refit
from export.passes.fitting.rounding import Rounded, largest_integer, round_depthwise, round_matrix, round_transposed
from export.passes.fitting.streaming import Traversal, announced
from export.passes.fitting.sublayers import chosen
from export.passes.fitting.survey import POSITIONS
from export.progress import Counted, uncounted

if TYPE_CHECKING:
    import keras

NAME = "reconstruct"


@dataclass(frozen=True, kw_only=True)
class Reconstruct:
    """The reconstruction pass, for a flat model with folded batch norms.

    Attributes:
        weight_bits: of the integers that weights are rounded to.
        positions: number of sampled positions per feature map and sample.
        ridge: regularisation of the inputs' second moments, relative to their mean.
        seed: random seed of the positions.
        paired: whether pairs of weights are limited for 8-bit activations (export/formats/pairing.py).
        counted: is called with the number of layers that are done.
        kept: names of layers that keep float32 weights; their biases compensate errors of the layers before them.
    """

    weight_bits: int = 8
    positions: int = POSITIONS
    ridge: float = 0.1
    seed: int = 0
    paired: bool = True
    kept: frozenset[str] = frozenset()
    counted: Counted = field(default=uncounted, compare=False, repr=False)

    def __call__(self, model: keras.Model, samples: Samples) -> PassResult:
        """Return the model with rounded weights.

        Raises:
            PassRefusedError: the model cannot be copied, or a layer's inputs overflow float32.
        """
        start = time.perf_counter()
        layers, skipped = chosen(model)
        rounding = Refit(self._rounded, self.positions, self.seed, self.kept)
        outputs = list(Traversal(model, samples).run(announced(rounding.handlers(layers), self.counted)))
        done, open_layers = rounding.done(layers)
        record = PassRecord(
            name=NAME,
            parameters={
                "weight_bits": self.weight_bits,
                "positions": self.positions,
                "ridge": self.ridge,
                "seed": self.seed,
                "paired": self.paired,
                "samples": len(samples),
                "kept": sorted(self.kept),
            },
            seconds=round(time.perf_counter() - start, 2),
            layers=done,
            skipped={**skipped, **open_layers},
            measured={"weights_sqnr_db": min((_sqnr_db(*pair) for pair in outputs), default=0.0)},
        )
        return PassResult(rounding.written(model), record)

    def _rounded(self, _: str, product: Product, inputs: Inputs) -> Array:
        limit = largest_integer(self.weight_bits)
        return _rounded(product, inputs, self.ridge, limit, paired=self.paired).values


def _rounded(product: Product, inputs: Inputs, ridge: float, limit: int, *, paired: bool) -> Rounded:
    weights = product.grouped(product.kernel)
    if product.kind is Kind.DEPTHWISE:
        return round_depthwise(weights, inputs, ridge, limit=limit)
    if product.kind is Kind.TRANSPOSED:
        return round_transposed(weights, inputs, ridge, product.outputs, limit=limit)
    return round_matrix(weights, inputs, ridge, product.input_shape if paired else None, limit=limit)


def _sqnr_db(true: Array, rounded: Array) -> float:
    error = np.sum((true.astype(np.float64) - rounded) ** 2)
    return float(10 * np.log10(np.sum(true.astype(np.float64) ** 2) / error)) if error else 200.0
