"""Whether the network that comes out has what was asked for: the libraries behind the stages do not look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

    from training.recipe import Slimming
    from zoo.metric import Metric

_SPARE = 0.01  # of the share: thresholds of equal weights, and clusters that move off zero
_LOST = 0.02  # two points, or two percent of what is no share: more than most would pay


def broken(model: keras.Model, slimming: Slimming) -> Iterator[str]:
    """Yield a sentence for every convolution and dense layer with fewer zeros, or more numbers, than were asked for."""
    import keras

    share = slimming.prune.share if slimming.prune and not slimming.prune.pattern else 0.0
    for layer in model.layers:
        if type(layer) not in (keras.layers.Conv2D, keras.layers.Dense):
            continue
        kernel = layer.kernel.numpy()
        zeros, numbers = int(np.count_nonzero(kernel == 0)), len(np.unique(kernel))
        if zeros < int((share - _SPARE) * kernel.size) - 1:
            yield f"{layer.name} has {zeros / kernel.size:.0%} zeros, not the {share:.0%} that --prune asks for"
        if slimming.clusters and numbers > slimming.clusters:
            yield f"{layer.name} has {numbers} different weights, not the {slimming.clusters} of --cluster"


def costly(history: Sequence[Mapping[str, Any]], metric: Metric) -> Iterator[str]:
    """Yield a sentence if this run's stages cost more of the headline than most would pay.

    Args:
        history: of the network; the last "given" or "learn" in it is what the stages began with.
        metric: the headline.
    """
    begun = max(index for index, record in enumerate(history) if record["name"] in ("given", "learn"))
    before, after = (history[index]["measured"]["validation"] for index in (begun, -1))
    if metric.lost(before, after) > _LOST:
        yield (
            f"{metric.title} on the validation photos fell from {metric.words(before)} to {metric.words(after)} "
            f"{metric.unit}: learn longer (--stage-epochs), or slower (--stage-learning-rate 1e-4). With few photos, "
            "`zoo export --prune 0.5` costs less: it fits the weights that stay, and learns nothing"
        )
