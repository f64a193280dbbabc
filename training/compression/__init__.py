"""Compression stages: remove channels, prune weights, cluster weights, quantization-aware training.

Each stage has one module. The order is the same whatever the order of the flags: channels are removed first, so that no
zeros or clusters are learned for them; clustering keeps the zeros of pruning; quantization-aware training keeps both.
All stages work on a network whose batch norms are folded into its convolutions: this network is exported, and folding
after clustering would destroy the clusters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from training.compression.channel_pruning import ChannelPruning
from training.compression.quantization_aware import QuantizationAware
from training.compression.weight_clustering import WeightClustering
from training.compression.weight_pruning import WeightPruning
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from training.recipe import TrainingRecipe
    from training.stage import Stage

_RESULTS = {
    WeightPruning.name: "pruned weights",
    WeightClustering.name: "clustered weights",
    QuantizationAware.name: "weights trained for 8 bits",
}


def stages(recipe: TrainingRecipe, done: Collection[str]) -> Iterator[Stage]:
    """Yield the requested stages, in order.

    Args:
        recipe: the recipe of the run.
        done: names of the stages that the network went through in an earlier run.

    Raises:
        UsageProblemError: a stage would undo an earlier one.
    """
    requested = recipe.compression
    _check(recipe, done)
    zeros = bool(requested.prune) or WeightPruning.name in done
    clusters = bool(requested.clusters) or WeightClustering.name in done
    if requested.prune_channels:
        yield ChannelPruning(requested, seed=recipe.seed)
    if requested.prune:
        yield WeightPruning(requested)
    if requested.clusters:
        yield WeightClustering(requested, keep_zeros=zeros)
    if requested.qat:
        yield QuantizationAware(requested, keep_zeros=zeros, keep_clusters=clusters)


def _check(recipe: TrainingRecipe, done: Collection[str]) -> None:
    """Refuse flags that would undo a stage of an earlier run: only later stages keep its result."""
    requested = recipe.compression
    given = {
        "--epochs": recipe.epochs > 0,
        "--prune-channels": bool(requested.prune_channels),
        "--prune": bool(requested.prune),
        "--cluster": bool(requested.clusters),
    }
    undoing = {
        WeightPruning.name: ("--epochs", "--prune-channels", "--prune"),
        WeightClustering.name: ("--epochs", "--prune-channels", "--prune", "--cluster"),
        QuantizationAware.name: ("--epochs", "--prune-channels", "--prune", "--cluster"),
    }
    for name, flags in undoing.items():
        flag = next((flag for flag in flags if given[flag]), None)
        if name in done and flag:
            raise UsageProblemError(
                f"{recipe.model} has {_RESULTS[name]} from an earlier run, which {flag} would undo; request all stages "
                "in one run that starts from the network before compression (before.keras in the folder of that run)"
            )
