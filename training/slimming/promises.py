"""Whether the network that comes out has what was asked for: the libraries behind the stages do not look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

    from training.recipe import Slimming


def broken(model: keras.Model, slimming: Slimming) -> Iterator[str]:
    """Yield a sentence for every convolution and dense layer with fewer zeros, or more numbers, than were asked for."""
    import keras

    share = slimming.pruning.share if slimming.pruning else 0.0
    for layer in model.layers:
        if type(layer) not in (keras.layers.Conv2D, keras.layers.Dense):
            continue
        kernel = layer.kernel.numpy()
        zeros, numbers = int(np.count_nonzero(kernel == 0)), len(np.unique(kernel))
        if zeros < int(share * kernel.size) - 1:
            yield f"{layer.name} has {zeros / kernel.size:.0%} zeros, not the {share:.0%} that --prune asks for"
        if slimming.clusters and numbers > slimming.clusters:
            yield f"{layer.name} has {numbers} different weights, not the {slimming.clusters} of --cluster"
