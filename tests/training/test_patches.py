"""Patches of tensorflow-model-optimization are still needed, and end with their context."""

from __future__ import annotations

import types
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def convolution() -> Any:
    import tf_keras

    return types.SimpleNamespace(layer=tf_keras.layers.Conv2D(2, 1))


def test_clusters_of_whole_kernels_replace_clusters_of_channels(convolution: Any) -> None:
    from training.compression.patches import clusters, clusters_of_whole_kernels

    kernel = np.array([[[[1, 3], [2, 4]]]], np.float32)  # two values in each of two channels
    with clusters_of_whole_kernels():
        values, count, _, by_channel = clusters.get_centroids(convolution, kernel, "channels_last")
    assert (sorted(np.array(values)), int(count), by_channel) == ([1, 2, 3, 4], 4, False)
    _, count, _, by_channel = clusters.get_centroids(convolution, kernel, "channels_last")
    assert (int(count), by_channel) == (2, True)


def test_moving_averages_are_restored() -> None:
    from training.compression.patches import quant_ops, ranges_at_once

    usual = quant_ops.MovingAvgQuantize
    with ranges_at_once():
        assert quant_ops.MovingAvgQuantize is not usual
    assert quant_ops.MovingAvgQuantize is usual
