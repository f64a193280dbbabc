"""Sentences about the wrappers of a model file: what was taken off, and what to type if they cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.model.loading.keras2.wrappers.known import is_of_library

ADVICE = (
    "load it where it was trained, take the wrappers off (tfmot.sparsity.keras.strip_pruning(model) or "
    "tfmot.clustering.keras.strip_clustering(model); after quantize_model, set the trained weights to the model before "
    "it), and save that model again"
)


def refusal(path: Path, reason: object) -> str:
    """Return the sentence about a file whose wrappers cannot be taken off; a long reason is cut."""
    text = " ".join(str(reason).split())
    return (
        f"{path.name} was saved with wrappers of tensorflow-model-optimization that cannot be taken off here "
        f"({text[:200]}); {ADVICE} with model.save('model.keras')"
    )


def notes(name: str, model: Any) -> tuple[str, ...]:
    """Return a sentence for every kind of wrapper in a tf_keras model.

    Args:
        name: of the model's file.
        model: as it was loaded, with wrappers.
    """
    found = []
    pruned, clustered = _of(model, "PruneLowMagnitude"), _of(model, "ClusterWeights")
    rounded, marked = [*_of(model, "QuantizeWrapper"), *_of(model, "QuantizeLayer")], _of(model, "QuantizeAnnotate")
    if pruned:
        found.append(
            f"{name} was pruned by tensorflow-model-optimization; its wrappers ({len(pruned)}) were taken off, and the "
            f"zeros of its weights kept ({_zeros(pruned):.0%} of the weights that are pruned)"
        )
    if clustered:
        found.append(
            f"{name} was clustered by tensorflow-model-optimization; its wrappers ({len(clustered)}) were taken off, "
            f"and the clusters of its weights kept (at most {_clusters(clustered)} values in a kernel)"
        )
    if rounded:
        found.append(
            f"{name} was prepared by quantize_model of tensorflow-model-optimization; what rounds in it "
            f"({len(rounded)} wrappers and layers) was taken off, and the float weights that it was trained with are "
            "exported; the ranges of its activations are measured on the calibration data, not taken from the file"
        )
    if marked:
        found.append(f"{name} was marked for quantize_apply ({len(marked)} layers); the marks were taken off")
    return tuple(found)


def _of(model: Any, kind: str) -> list[Any]:
    return [one for one in model._flatten_layers() if is_of_library(one) and type(one).__name__.startswith(kind)]


def _zeros(wrappers: Sequence[Any]) -> float:
    weights = [np.asarray(weight) for wrapper in wrappers for weight, _, _ in wrapper.pruning_vars]
    return 1 - sum(map(np.count_nonzero, weights)) / max(sum(weight.size for weight in weights), 1)


def _clusters(wrappers: Sequence[Any]) -> int:
    counts = [
        len(np.unique(np.asarray(wrapper.get_weight_from_layer(name))))
        for wrapper in wrappers
        for name in wrapper.original_clusterable_weights
    ]
    return max(counts, default=0)
