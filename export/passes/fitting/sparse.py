"""Select weights to prune by importance, and refit the remaining ones.

The importance of a weight is the output power lost with it: its square times the power of its input (Sun et al. 2023,
"A Simple and Effective Pruning Approach for Large Language Models", https://arxiv.org/abs/2306.11695, equation 1).
Weights that are processed later compensate the error: Frantar & Alistarh 2023, "SparseGPT",
https://arxiv.org/abs/2301.00774, which is the error feedback of `rounding` with zero in place of the nearest integer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from export.passes.fitting.feedback import Feedback, Floats, Inputs

Mask = NDArray[np.bool_]


def kept_by_share(importance: Floats, share: float) -> Mask:
    """Return the mask (groups, K, M) of weights to keep: all but the fraction `share` of least importance."""
    count = round(share * importance.size)
    if count == 0:
        return np.ones(importance.shape, bool)
    kept = np.ones(importance.size, bool)
    kept[np.argpartition(importance, count - 1, axis=None)[:count]] = False
    return kept.reshape(importance.shape)


def kept_by_pattern(importance: Floats, kept_of: tuple[int, int]) -> Mask:
    """Return the mask (groups, K, M) that keeps the most important N of every M neighbouring inputs of a channel.

    `kept_of` is (N, M), for example (2, 4).
    """
    most, of = kept_of
    groups, size, channels = importance.shape
    blocks = importance.reshape(groups, size // of, of, channels)
    rank = np.argsort(np.argsort(-blocks, axis=2, kind="stable"), axis=2, kind="stable")
    return (rank < most).reshape(importance.shape)


def importance_of(weights: Floats, inputs: Inputs) -> Floats:
    """Return the importance of each of the weights (groups, K, M)."""
    return weights**2 * inputs.power[:, :, None]


def refitted(weights: Floats, kept: Mask, feedback: Feedback) -> Floats:
    """Return weights (groups, K, M) that are zero outside the mask `kept` and approximate the original outputs."""
    order = feedback.order[:, :, None]
    target, mask = np.take_along_axis(weights, order, 1), np.take_along_axis(kept, order, 1)
    settled, lost = np.empty_like(target), np.empty_like(target)
    for block in feedback.blocks(lost):
        wanted = target[:, block.start : block.end] + block.correction
        for row in range(block.end - 1, block.start - 1, -1):
            own, behind = row - block.start, slice(row + 1, block.end)
            aim = wanted[:, own] + (block.within[:, None, own + 1 :, own] @ lost[:, behind])[:, 0]
            settled[:, row] = aim * mask[:, row]
            lost[:, row] = target[:, row] - settled[:, row]
    result = np.empty_like(settled)
    np.put_along_axis(result, np.broadcast_to(order, settled.shape), settled, 1)
    return result
