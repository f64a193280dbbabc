"""Select a few representative samples: the loudest ones, and a regular share of the others.

The cost of clipping depends on outliers, which occur in few samples and would be missed by plain subsampling.
Stratified sampling (Cochran 1977, chapter 5): each part is weighted by the number of samples that it represents.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LOUD = 8


def choose(peaks: NDArray[np.floating], count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the indices of at most `count` samples, the loudest first, and how many samples each represents.

    Args:
        peaks: largest absolute value of every activation (samples, activations).
        count: largest number of samples, more than `LOUD`.
    """
    samples = len(peaks)
    if samples <= count:
        return np.arange(samples), np.ones(samples)
    usual = np.maximum(np.median(peaks, axis=0), np.finfo(np.float32).tiny)
    loudness = np.log(np.maximum(peaks / usual, 1.0)).sum(axis=1)
    order = np.argsort(-loudness, kind="stable")
    rest = np.sort(order[LOUD:])
    turns = rest[np.linspace(0, len(rest) - 1, count - LOUD).round().astype(np.int64)]
    weights = np.concatenate([np.ones(LOUD), np.full(len(turns), len(rest) / len(turns))])
    return np.concatenate([order[:LOUD], turns]), weights
