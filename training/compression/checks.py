"""Checks of the compressed network: the libraries do not verify that it has the requested zeros and clusters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

    from training.recipe import Compression
    from zoo.metric import Metric

_MISSING_ZEROS = (
    0.01  # tolerated missing fraction of zeros: ties at the threshold, and clusters that move away from zero
)
_ACCEPTABLE_LOSS = 0.02  # two percentage points, or two percent for metrics that are no share


def violations(model: keras.Model, compression: Compression) -> Iterator[str]:
    """Yield a warning for each Conv2D or Dense layer with too few zeros or too many distinct values."""
    import keras

    share = compression.prune.share if compression.prune and not compression.prune.pattern else 0.0
    for layer in model.layers:
        if type(layer) not in (keras.layers.Conv2D, keras.layers.Dense):
            continue
        kernel = layer.kernel.numpy()
        zeros, values = int(np.count_nonzero(kernel == 0)), len(np.unique(kernel))
        if zeros < int((share - _MISSING_ZEROS) * kernel.size) - 1:
            yield f"{layer.name} has {zeros / kernel.size:.0%} zeros; --prune requested {share:.0%}"
        if compression.clusters and values > compression.clusters:
            yield f"{layer.name} has {values} distinct weights; --cluster requested {compression.clusters}"


def score_drop(history: Sequence[Mapping[str, Any]], metric: Metric) -> Iterator[str]:
    """Yield a warning if the stages of this run lowered the headline metric by more than two points.

    Args:
        history: records of all stages; the last "given" or "learn" is the network before compression.
        metric: the headline metric.
    """
    begun = max(index for index, record in enumerate(history) if record["name"] in ("given", "learn"))
    before, after = (history[index]["measured"]["validation"] for index in (begun, -1))
    if metric.lost(before, after) > _ACCEPTABLE_LOSS:
        yield (
            f"{metric.title} on the validation photos fell from {metric.words(before)} to {metric.words(after)} "
            f"{metric.unit}: train longer (--stage-epochs) or with a lower --stage-learning-rate, such as 1e-4. With "
            "few photos, `zoo export --prune 0.5` loses less: it fits the remaining weights without training"
        )
