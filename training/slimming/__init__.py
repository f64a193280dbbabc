"""A trained network loses channels, weights, different numbers, bits, and learns to do without.

Each stage has one file. Whatever the order of the flags, they work in this one: channels go first, for what is removed
needs neither zeros nor clusters; zeros come before clusters, which keep them; the 8 bits are learned last, with zeros
and clusters kept. All work on a network whose batch norms are folded into its convolutions: that is what is exported,
and folding afterwards would undo the clusters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from training.slimming.channels import Channels
from training.slimming.clusters import Clusters
from training.slimming.eight_bits import EightBits
from training.slimming.zeros import Zeros
from zoo.errors import UsageProblemError

if TYPE_CHECKING:
    from training.recipe import TrainingRecipe
    from training.stage import Stage

_MADE = {Zeros.name: "zeros", Clusters.name: "clusters", EightBits.name: "8 bits"}


def stages(recipe: TrainingRecipe, done: Collection[str]) -> Iterator[Stage]:
    """Yield the stages that the recipe asks for, in the order that makes sense.

    Args:
        recipe: of the run.
        done: names of the stages that the network has behind it, from an earlier run.

    Raises:
        UsageProblemError: a stage would undo what the network has.
    """
    slim = recipe.slimming
    _check(recipe, done)
    zeros, clusters = bool(slim.prune) or Zeros.name in done, bool(slim.clusters) or Clusters.name in done
    if slim.prune_channels:
        yield Channels(slim, seed=recipe.seed)
    if slim.prune:
        yield Zeros(slim)
    if slim.clusters:
        yield Clusters(slim, keep_zeros=zeros)
    if slim.qat:
        yield EightBits(slim, keep_zeros=zeros, keep_clusters=clusters)


def _check(recipe: TrainingRecipe, done: Collection[str]) -> None:
    """Refuse what would undo an earlier run: only stages that come later keep what it made."""
    slim = recipe.slimming
    asked = {
        "--epochs": recipe.epochs > 0,
        "--prune-channels": bool(slim.prune_channels),
        "--prune": bool(slim.prune),
        "--cluster": bool(slim.clusters),
    }
    undoing = {
        Zeros.name: ("--epochs", "--prune-channels", "--prune"),
        Clusters.name: ("--epochs", "--prune-channels", "--prune", "--cluster"),
        EightBits.name: ("--epochs", "--prune-channels", "--prune", "--cluster"),
    }
    for name, flags in undoing.items():
        flag = next((flag for flag in flags if asked[flag]), None)
        if name in done and flag:
            raise UsageProblemError(
                f"{recipe.model} has {_MADE[name]} from an earlier run, which {flag} would undo; ask for all of it in "
                "one run that starts from the network before (before.keras in the folder of that run)"
            )
