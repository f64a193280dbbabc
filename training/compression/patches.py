"""Patches of tensorflow-model-optimization, each with the release that will make it unnecessary.

Imported only for quantization-aware training: the library is slow to load.
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
    """Keep the clusters of whole kernels, not of single channels, in layers that are wrapped in this context.

    Patches tensorflow-model-optimization 0.8.1: if all channels of a kernel have about the same number of
    distinct values, each channel gets clusters of its own.
    Ends with a version in which `ClusterPreserveQuantizeRegistry` has an option for this.
    """

    def whole_kernel(layer: Any, weight: Any, data_format: Any) -> tuple[Any, Any, Any, bool]:
        centroids, index = clusters.get_unique(weight)
        return centroids, len(centroids), index, False

    return _patched(clusters, "get_centroids", whole_kernel)


def ranges_at_once() -> AbstractContextManager[None]:
    """Set activation ranges to those of the batch, instead of moving averages, in this context.

    Patches tensorflow-model-optimization 0.8.1: ranges start at -6 and 6, and moving averages need thousands of
    steps to converge.
    Ends with a version whose quantizers accept initial ranges for each layer.
    """
    usual = quant_ops.MovingAvgQuantize

    def without_average(*arguments: Any, ema_decay: float, **settings: Any) -> Any:
        return usual(*arguments, ema_decay=0.0, **settings)

    return _patched(quant_ops, "MovingAvgQuantize", without_average)


@contextmanager
def _patched(module: Any, name: str, function: Any) -> Iterator[None]:
    usual = getattr(module, name)
    setattr(module, name, function)
    try:
        yield
    finally:
        setattr(module, name, usual)
