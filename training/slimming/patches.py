"""The patches of libraries in this package, each with what makes it unnecessary.

Imported only where a network learns 8 bits: tensorflow-model-optimization is slow to load.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from tensorflow_model_optimization.python.core.quantization.keras import quant_ops
from tensorflow_model_optimization.python.core.quantization.keras.collab_opts.cluster_preserve import (
    cluster_preserve_quantize_registry as clusters,
)


def clusters_of_whole_kernels() -> AbstractContextManager[None]:
    """Within, whatever is wrapped keeps the clusters that a kernel has, and not those of each channel.

    Patches tensorflow-model-optimization 0.8.1: the clusters of a kernel become clusters of each channel where all
    channels hold about as many.
    Ends with a version in which `ClusterPreserveQuantizeRegistry` can be told which of the two to keep.
    """

    def of_the_whole(layer: Any, weight: Any, data_format: Any) -> tuple[Any, Any, Any, bool]:
        centroids, index = clusters.get_unique(weight)
        return centroids, len(centroids), index, False

    return _instead(clusters, "get_centroids", of_the_whole)


def ranges_at_once() -> AbstractContextManager[None]:
    """Within, the range of an activation becomes that of the batch, and not a moving average.

    Patches tensorflow-model-optimization 0.8.1: ranges begin at -6 and 6, and take thousands of steps to where they
    belong.
    Ends with a version whose quantizers can be given initial ranges for each layer.
    """
    usual = quant_ops.MovingAvgQuantize

    def at_once(*arguments: Any, ema_decay: float, **settings: Any) -> Any:
        return usual(*arguments, ema_decay=0.0, **settings)

    return _instead(quant_ops, "MovingAvgQuantize", at_once)


@contextmanager
def _instead(module: Any, name: str, function: Any) -> Iterator[None]:
    usual = getattr(module, name)
    setattr(module, name, function)
    try:
        yield
    finally:
        setattr(module, name, usual)
