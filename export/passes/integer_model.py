"""Prepare a model for quantization: fold, equalize and reconstruct its weights, or record why not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from calibration.samples import Array, Samples
from export import passes
from export.errors import PassRefusedError
from export.metrics import OutputKind
from export.metrics.next_tokens import mean_kl_nats
from export.model import entries
from export.model.graph import functional
from export.model.subject import Subject
from export.passes.equalize import Equalize
from export.passes.fitting.products import products
from export.passes.fitting.refit import FEWEST_SAMPLES
from export.passes.fitting.sublayers import chosen
from export.passes.fitting.survey import POSITIONS
from export.passes.fold import Fold
from export.passes.reconstruct import NAME, Reconstruct
from export.passes.round_blocks import RoundBlocks, moved
from export.progress import Counted, uncounted
from export.recipe import Recipe
from export.scheme import INT4
from zoo.inputs import TokenMask

if TYPE_CHECKING:
    import keras

Outputs = Mapping[str, Array]
Weights = Mapping[str, tuple[Array, Array]]  # kernel and bias by a name

# Lower limit of a channel's norm relative to its layer's largest, so that changes of dead channels do not count.
SMALLEST_NORM = 1e-2

# So many bits of a decoder's weights are rounded to nearest, which takes no time and is as good: on stories15M the
# chances of the next token diverge by 0.0028 nats, and by 0.0032 with reconstructed weights.
ENOUGH_BITS = 8

# The maps of a small input are small, and the chance of 50 positions costs a network with few channels up to 1 dB: over
# random seeds a small Inception-ResNet v2 loses 24.6 to 25.8 dB with them, and 25.7 with all positions.
SMALL_INPUT, POSITIONS_OF_SMALL_INPUTS = 128 * 128, 1000


@dataclass(frozen=True, kw_only=True)
class Reconstruction:
    """Result of preparing a model for quantization.

    Attributes:
        model: the reconstructed model; None if the original is quantized.
        records: manifest entries, one per pass, or a single one with `skipped_because`.
        before: weights of the folded original, as a float file holds them.
        after: weights of the reconstructed model.
        moved: largest change of a channel's weights by rounding, relative to their norm.
        where: layer of that channel.
        equalized: the model before rounding if equalization is only approximate; otherwise None.
    """

    model: keras.Model | None
    records: Sequence[Mapping[str, Any]]
    before: Weights
    after: Weights
    moved: float = 0.0
    where: str = ""
    equalized: keras.Model | None = None


def reconstructed(
    subject: Subject,
    recipe: Recipe,
    samples: Samples,
    weight_bits: int,
    kept: Collection[str] = (),
    *,
    paired: bool = True,
    counted: Counted = uncounted,
) -> Reconstruction:
    """Return the model from which the files with integer weights of `weight_bits` are built.

    Args:
        subject: the original model.
        recipe: the recipe of the export.
        samples: calibration samples.
        weight_bits: of the integers that weights are rounded to.
        kept: names of layers whose weights are not rounded.
        paired: whether pairs of weights are limited, which only 8-bit activations need.
        counted: is called with the number of layers that are done.
    """
    if reason := _reason_against(subject, recipe, samples):
        return _skipped(reason)
    if weight_bits == INT4.weight_bits:
        return _in_blocks(subject, samples, counted)
    if subject.decoder is not None and weight_bits >= ENOUGH_BITS:
        return Reconstruction(model=None, records=[], before={}, after={})
    try:
        folded = passes.apply(Fold(), functional(subject.model), samples)
        equalized = passes.apply(Equalize(), folded.model, samples)
        reconstruct = Reconstruct(
            weight_bits=weight_bits,
            positions=_positions(samples),
            seed=recipe.seed,
            paired=paired,
            kept=frozenset(kept),
            counted=counted,
        )
        rounded = passes.apply(reconstruct, equalized.model, samples)
    except PassRefusedError as error:
        return _skipped(str(error))
    if not rounded.record.layers:
        return _skipped("no layer of this model can be reconstructed")
    moved, where = worst_channel(equalized.model, rounded.model, rounded.record.layers)
    return Reconstruction(
        model=rounded.model,
        records=[result.record.record() for result in (folded, equalized, rounded)],
        before=_weights(folded.model),
        after=_weights(rounded.model),
        moved=moved,
        where=where,
        equalized=None if equalized.record.exact else equalized.model,
    )


def _in_blocks(subject: Subject, samples: Samples, counted: Counted) -> Reconstruction:
    """Return the model with its matrices on grids of 4 bits."""
    kinds = entries.output_kinds(subject)

    def loss(expected: Outputs, found: Outputs) -> float:
        return sum(_loss(expected[name], found[name], kinds[name]) for name in expected)

    mask = next((name for name, one in subject.inputs.items() if isinstance(one, TokenMask)), "")
    try:
        rounded = passes.apply(RoundBlocks(loss=loss, mask=mask, counted=counted), functional(subject.model), samples)
    except PassRefusedError as error:
        return _skipped(str(error))
    largest, where = moved(subject.model, rounded.model, rounded.record.layers)
    records = [rounded.record.record()]
    return Reconstruction(model=rounded.model, records=records, before={}, after={}, moved=largest, where=where)


def _loss(expected: Array, found: Array, kind: OutputKind) -> float:
    """Return the divergence of the chances of the next token in nats, and of other outputs the share of noise."""
    if kind is OutputKind.NEXT_TOKENS:
        return mean_kl_nats(expected, found)
    power = float(np.sum(expected.astype(np.float64) ** 2))
    return float(np.sum((expected.astype(np.float64) - found) ** 2)) / max(power, float(np.finfo(np.float32).tiny))


def _positions(samples: Samples) -> int:
    """Return how many positions of a feature map are sampled: more for small inputs, whose maps are small."""
    largest = max(int(np.prod(values.shape[1:-1])) for values in samples.inputs.values())
    return POSITIONS if largest > SMALL_INPUT else POSITIONS_OF_SMALL_INPUTS


def _skipped(reason: str) -> Reconstruction:
    return Reconstruction(model=None, records=[{"name": NAME, "skipped_because": reason}], before={}, after={})


def _reason_against(subject: Subject, recipe: Recipe, samples: Samples) -> str:
    if not recipe.reconstruct:
        return "disabled by --no-reconstruct"
    if not subject.weights.trained:
        return "the weights are untrained"
    if not samples.real:
        return "the samples are noise"
    if len(samples) < FEWEST_SAMPLES:
        return f"too few samples, {len(samples)}; give at least {FEWEST_SAMPLES}"
    return ""


def _weights(model: keras.Model) -> dict[str, tuple[Array, Array]]:
    """Return kernel and bias of every product of the model, by "layer/index"."""
    return {
        f"{name}/{index}": (
            product.kernel,
            np.zeros(product.outputs, np.float32) if product.bias is None else product.bias,
        )
        for name, layer in chosen(model)[0].items()
        for index, product in enumerate(products(layer))
    }


def worst_channel(before: keras.Model, after: keras.Model, layers: Sequence[str]) -> tuple[float, str]:
    """Return the largest change of a channel's weights relative to their norm, and the channel's layer.

    The norm counts as at least 1/100 of the largest norm in the layer.
    """
    worst, where = 0.0, ""
    originals, rounded = chosen(before)[0], chosen(after)[0]
    for name in layers:
        for one, other in zip(products(originals[name]), products(rounded[name]), strict=True):
            weights = one.grouped(one.kernel)
            norms = np.linalg.norm(weights, axis=1)
            norms = np.maximum(norms, max(SMALLEST_NORM * norms.max(), float(np.finfo(np.float32).tiny)))
            share = float((np.linalg.norm(one.grouped(other.kernel) - weights, axis=1) / norms).max())
            worst, where = max((worst, where), (share, name))
    return worst, where
