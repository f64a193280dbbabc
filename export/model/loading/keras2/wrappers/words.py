"""Sentences about the wrappers of a model file: what was taken off, and what to type if they cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

ADVICE = (
    "load it where it was trained, take the wrappers off (tfmot.sparsity.keras.strip_pruning(model) or "
    "tfmot.clustering.keras.strip_clustering(model); after quantize_model, set the trained weights to the model before "
    "it), and save that model again"
)


def load_failure(path: Path, error: Exception) -> str:
    """Return the sentence about a file with wrappers that tf_keras cannot load."""
    text = " ".join(str(error).split())
    return (
        f"{path.name} was saved with wrappers of tensorflow-model-optimization and cannot be loaded ({text[:200]}); "
        f"{ADVICE}"
    )


def notes(name: str, model: Any) -> tuple[str, ...]:
    """Return a sentence for every kind of wrapper in a tf_keras model.

    Args:
        name: of the model's file.
        model: as it was loaded, with wrappers.
    """
    layers = list(model._flatten_layers())
    pruned = [layer for layer in layers if type(layer).__name__ == "PruneLowMagnitude"]
    clustered = [layer for layer in layers if type(layer).__name__.startswith("ClusterWeights")]
    rounded = [layer for layer in layers if type(layer).__name__.startswith("Quantize")]
    found = []
    if pruned:
        found.append(
            f"{name} was pruned by tensorflow-model-optimization: its {len(pruned)} wrappers were taken off, and the "
            f"zeros of its weights kept ({_zeros(pruned):.0%} of the weights that were pruned)"
        )
    if clustered:
        found.append(
            f"{name} was clustered by tensorflow-model-optimization: its {len(clustered)} wrappers were taken off, and "
            f"the clusters of its weights kept (at most {_clusters(clustered)} values in a kernel)"
        )
    if rounded:
        found.append(
            f"{name} was trained for 8 bits by tensorflow-model-optimization: its {len(rounded)} wrappers and layers "
            "that round were taken off, and the trained weights before rounding are exported; the ranges of its "
            "activations are measured on the calibration data, not taken from the file"
        )
    return tuple(found)


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
