"""Which weights are left out, and what the others become in their place.

A weight is worth what its loss costs the output: its square times the power of its input (Sun et al. 2023, "A Simple
and Effective Pruning Approach for Large Language Models", https://arxiv.org/abs/2306.11695, equation 1). What is lost
with one is made good by those that are settled after it: Frantar & Alistarh 2023, "SparseGPT",
https://arxiv.org/abs/2301.00774, which is the error feedback of `rounding` with zero in place of the nearest integer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from export.passes.feedback import Feedback, Floats, Inputs

Mask = NDArray[np.bool_]


def kept_by_share(worth: Floats, share: float) -> Mask:
    """Return the mask of weights (groups, K, M) that stay: all but that share, the least worthy of the layer."""
    count = round(share * worth.size)
    if count == 0:
        return np.ones(worth.shape, bool)
    kept = np.ones(worth.size, bool)
    kept[np.argpartition(worth, count - 1, axis=None)[:count]] = False
    return kept.reshape(worth.shape)


def kept_by_pattern(worth: Floats, kept_of: tuple[int, int]) -> Mask:
    """Return the mask that keeps the worthiest 2 of every 4 (of any `kept_of`) neighbouring inputs of a channel."""
    most, of = kept_of
    groups, size, channels = worth.shape
    blocks = worth.reshape(groups, size // of, of, channels)
    rank = np.argsort(np.argsort(-blocks, axis=2, kind="stable"), axis=2, kind="stable")
    return (rank < most).reshape(worth.shape)


def worth_of(weights: Floats, inputs: Inputs) -> Floats:
    """Return what each of the weights (groups, K, M) is worth."""
    return weights**2 * inputs.power[:, :, None]


def refitted(weights: Floats, kept: Mask, feedback: Feedback) -> Floats:
    """Return weights (groups, K, M) that are zero outside of the mask, and give nearly the outputs that they gave."""
    order = feedback.order[:, :, None]
    target, mask = np.take_along_axis(weights, order, 1), np.take_along_axis(kept, order, 1)
    settled, lost = np.empty_like(target), np.empty_like(target)
    for block in feedback.blocks(lost):
        wanted = target[:, block.start : block.end] + block.asked
        for row in range(block.end - 1, block.start - 1, -1):
            own, behind = row - block.start, slice(row + 1, block.end)
            aim = wanted[:, own] + (block.within[:, None, own + 1 :, own] @ lost[:, behind])[:, 0]
            settled[:, row] = aim * mask[:, row]
            lost[:, row] = target[:, row] - settled[:, row]
    result = np.empty_like(settled)
    np.put_along_axis(result, np.broadcast_to(order, settled.shape), settled, 1)
    return result
