"""The model that integers are made of: the original with rounded weights, or the original and the reason why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from calibration.samples import Array, Samples
from export import proof, stages
from export.check import Check
from export.models import Subject
from export.recipe import Precision, Recipe
from export.stages import StageRefusedError, reconstruct
from export.stages.fold import fold
from export.stages.products import Product
from export.tolerances import MOVED_WEIGHTS, RECONSTRUCTION

if TYPE_CHECKING:
    import keras

Outputs = Mapping[str, Array]

# A channel's norm counts as at least this share of its layer's largest: dead channels may move as they like.
SMALLEST_NORM = 1e-2


@dataclass(frozen=True, kw_only=True)
class Reconstruction:
    """What became of a model before its integers.

    Attributes:
        model: the reconstructed one; None if integers are made of the original.
        record: for the manifest: what was done, or `skipped_because`.
    """

    model: keras.Model | None
    record: Mapping[str, Any]


def reconstructed(subject: Subject, recipe: Recipe, samples: Samples) -> Reconstruction:
    """Return the model of which the integer files are made."""
    if reason := _reason_against(subject, recipe, samples):
        return _skipped(reason)
    try:
        staged = stages.apply(reconstruct.Reconstruct(seed=recipe.seed), subject.model, samples)
    except StageRefusedError as error:
        return _skipped(str(error))
    if not staged.record.layers:
        return _skipped("no layer of this model can be reconstructed")
    return Reconstruction(model=staged.model, record=staged.record.record())


def _skipped(reason: str) -> Reconstruction:
    return Reconstruction(model=None, record={"name": reconstruct.NAME, "skipped_because": reason})


def _reason_against(subject: Subject, recipe: Recipe, samples: Samples) -> str:
    if not recipe.reconstruct:
        return "not asked for: --reconstruct"
    if not subject.weights.trained:
        return "the weights are untrained"
    if not samples.real:
        return "the samples are noise"
    if len(samples) < reconstruct.FEWEST_SAMPLES:
        return f"{len(samples)} samples are too few; give at least {reconstruct.FEWEST_SAMPLES}"
    return ""


def worst_channel(original: keras.Model, reconstruction: Reconstruction) -> tuple[float, str]:
    """Return by how much the weights of a channel moved at most, as a share of their norm, and the layer.

    Channels that are next to nothing beside the layer's largest are measured with a hundredth of that one's norm.
    """
    import numpy as np

    assert reconstruction.model is not None  # the caller has one
    folded, worst, where = fold(original), 0.0, ""
    for name in reconstruction.record["layers"]:
        product = Product(folded.get_layer(name))
        weights = product.grouped(product.kernel)
        moved = product.grouped(Product(reconstruction.model.get_layer(name)).kernel) - weights
        norms = np.linalg.norm(weights, axis=1)
        norms = np.maximum(norms, SMALLEST_NORM * norms.max())
        share = float((np.linalg.norm(moved, axis=1) / np.maximum(norms, np.finfo(np.float32).tiny)).max())
        if share > worst:
            worst, where = share, name
    return worst, where


def checks(
    making: Reconstruction, original: keras.Model, expected: Outputs, found: Outputs, float_file: Outputs
) -> tuple[Check, ...]:
    """Judge what integers were made of: its weights, its answers, and its float file.

    Args:
        making: with a reconstructed model.
        original: model.
        expected: of the original, (N, ...) by output name.
        found: of the reconstructed model.
        float_file: of that one's float file.
    """
    moved, where = worst_channel(original, making)
    drift = Check.at_most(
        MOVED_WEIGHTS,
        moved,
        question="drift",
        output=f"a channel of {where}",
        quantity="weights moved, share of their norm",
    )
    answers = (
        *proof.prove(expected, found, Precision.W8A32, judge=True, bar=RECONSTRUCTION).checks,
        *proof.prove(found, float_file, Precision.FLOAT32, judge=True).checks,
    )
    return (*(replace(check, question="reconstruction") for check in answers), drift)
