"""A trained network loses channels, weights, different numbers, bits, and learns to do without.

Each stage has one file. Whatever the order of the flags, they work in this one: channels go first, for what is removed
needs neither zeros nor clusters; zeros come before clusters, which keep them; the 8 bits are learned last, with zeros
and clusters kept. All work on a network whose batch norms are folded into its convolutions: that is what is exported,
and folding afterwards would undo the clusters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from training.slimming.channels import Channels
from training.slimming.clusters import Clusters
from training.slimming.eight_bits import EightBits
from training.slimming.zeros import Zeros

if TYPE_CHECKING:
    from training.recipe import TrainingRecipe
    from training.stage import Stage


def stages(recipe: TrainingRecipe) -> Iterator[Stage]:
    """Yield the stages that the recipe asks for, in the order that makes sense."""
    slim = recipe.slimming
    pruned = bool(slim.pruning and slim.pruning.weights)
    if slim.pruning and slim.pruning.channels:
        yield Channels(slim, seed=recipe.seed)
    if pruned:
        yield Zeros(slim)
    if slim.clusters:
        yield Clusters(slim, keep_zeros=pruned)
    if slim.qat:
        yield EightBits(slim, keep_zeros=pruned, keep_clusters=bool(slim.clusters))
