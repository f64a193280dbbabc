"""Rounding with error feedback: weights that are rounded later compensate the error of earlier ones.

Frantar & Alistarh 2022, "Optimal Brain Compression", https://arxiv.org/abs/2208.11696, and Frantar et al. 2022,
"GPTQ", https://arxiv.org/abs/2210.17323.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.formats.pairing import LARGEST_PAIR, largest_pair, partners
from export.passes.fitting.feedback import Feedback, Inputs

Floats = NDArray[np.float32]

AT_ONCE = 1 << 24  # candidate values processed at once, 64 MB; more memory brings no speed
# Candidate steps of a matrix's channel, as fractions (in logarithm) of the way from the smallest possible step to the
# smallest one at which nearest rounding leaves no pair of neighbours too large.
PAIRED_SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
# Fraction of zero weights from which on a layer counts as pruned.
FEWEST_PRUNED = 0.05
# Candidate steps of a depthwise channel, relative to the smallest one without clipping.
CLIPPED_SHARES = tuple(np.linspace(0.6, 1.0, 17))


@dataclass(frozen=True)
class Rounded:
    """Weights (groups, K, M) as integers times a step (groups, M), with the expected squared output error."""

    integers: Floats
    step: Floats
    error: Floats

    @property
    def values(self) -> Floats:
        """The represented weights, float32."""
        return self.integers * self.step[:, None, :]


def largest_integer(weight_bits: int) -> int:
    """Return the largest integer that a weight is rounded to; the smallest is its negative."""
    return int(2 ** (weight_bits - 1)) - 1


def round_depthwise(weights: Floats, inputs: Inputs, ridge: float, *, limit: int) -> Rounded:
    """Round weights (channels, K, M) so that the largest of each channel is `limit` or -`limit` steps.

    The quantizers derive the step from the largest weight, so they recover the same step.
    """
    largest = np.abs(weights).max(axis=1)
    strongest = np.abs(weights).argmax(axis=1)[:, None]
    bounds = np.full((2, *weights.shape), limit, np.float32)
    bounds[0] *= -1
    peak = np.take_along_axis(weights, strongest, 1)
    signs = limit * np.sign(np.where(np.abs(peak) > np.finfo(np.float32).tiny, peak, 0))
    for bound in bounds:
        np.put_along_axis(bound, strongest, signs, 1)
    steps = [_positive(largest * np.float32(share / limit)) for share in CLIPPED_SHARES]
    return best(inputs.feedback(ridge), weights, steps, bounds, None)


def round_matrix(
    weights: Floats, inputs: Inputs, ridge: float, shape: tuple[int, ...] | None, *, limit: int
) -> Rounded:
    """Round weights (groups, K, M) to at most `limit` steps so that no pair of neighbours exceeds LARGEST_PAIR.

    `shape` is that of the K inputs; None without a limit on pairs. See export/formats/pairing.py for that limit.
    """
    found = []
    for number, group in enumerate(weights):
        bounds = _bounds(group, limit)
        small = _positive(np.abs(group).max(axis=0) / np.float32(limit))
        steps, pairs = [small[None]], None
        if shape is not None:
            safe, pairs = _safe_step(group, small, shape), partners(shape)
            steps = [(small * (safe / small) ** np.float32(share))[None] for share in PAIRED_SHARES]
        found.append(best(inputs.feedback(ridge, number), group[None], steps, bounds, pairs))
    return _joined(found, axis=0)


def _bounds(weights: Floats, limit: int) -> Floats:
    """Return the smallest and largest integers of weights (K, M): one pair for all, or zeros for pruned weights."""
    largest = np.float32(limit)
    if np.count_nonzero(weights) > weights.size * (1 - FEWEST_PRUNED):
        return np.array([-largest, largest], np.float32).reshape(2, 1, 1, 1)
    top = np.where(weights == 0, np.float32(0), largest)[None]
    return np.stack([-top, top])


def round_transposed(weights: Floats, inputs: Inputs, ridge: float, outputs: int, *, limit: int) -> Rounded:
    """Round weights (1, K, taps * outputs) of a transposed convolution to at most `limit` steps.

    The taps of an output share a step.
    """
    by_output = np.moveaxis(weights.reshape(*weights.shape[:2], -1, outputs), 3, 0).reshape(outputs, -1)
    step = _positive(np.abs(by_output).max(axis=1) / np.float32(limit))
    steps = np.tile(step, weights.shape[2] // outputs)[None]
    in_steps = np.rint(weights / steps[:, None])
    settled = np.abs(in_steps) >= limit  # the quantizers derive the step from an output's largest weight
    bottom, top = _bounds(weights[0], limit)
    bounds = np.stack([np.where(settled, in_steps, bottom), np.where(settled, in_steps, top)])
    return best(inputs.feedback(ridge), weights, [steps], bounds.astype(np.float32), None)


def _safe_step(weights: Floats, step: Floats, shape: tuple[int, ...]) -> Floats:
    """Return steps (M,), at least `step`, at which nearest rounding of weights (K, M) leaves no pair too large."""
    step, todo = step.copy(), np.arange(len(step))
    while len(todo):
        pair = largest_pair(np.rint(weights[:, todo] / step[todo]), shape)
        todo, pair = todo[pair > LARGEST_PAIR], pair[pair > LARGEST_PAIR]
        step[todo] *= np.maximum(pair / (LARGEST_PAIR + 1), 1.003)
    return step


def _positive(step: Floats) -> Floats:
    """Return the steps, with 1 for channels of zeros."""
    return np.where(step > np.finfo(np.float32).tiny, step, 1).astype(np.float32)


def best(
    feedback: Feedback, weights: Floats, steps: list[Floats], bounds: Floats, pairs: NDArray[np.int64] | None
) -> Rounded:
    """Round weights (groups, K, M) with the candidate step of smallest error, chosen per channel.

    Args:
        feedback: error feedback of the weights' inputs.
        weights: weights to round.
        steps: candidate steps, each (groups, M).
        bounds: smallest and largest integer (2, groups, K, M), or (2, 1, 1, 1) for all.
        pairs: (orders, K), index of the input that is added to each input in a pair; None without pairs. It requires
            one group.
    """
    groups, size, channels = weights.shape
    places = None if pairs is None else np.argsort(feedback.order[0])[pairs[:, feedback.order[0]]]
    at_once = max(1, AT_ONCE // (groups * size * len(steps)))
    found = []
    for start in range(0, channels, at_once):
        some = slice(start, start + at_once)
        bound = bounds[..., some] if bounds.shape[2] > 1 else bounds
        found.append(_best(feedback, weights[..., some], [step[:, some] for step in steps], bound, places))
    return _joined(found, axis=-1)


def _best(
    feedback: Feedback, weights: Floats, steps: list[Floats], bounds: Floats, places: NDArray[np.int64] | None
) -> Rounded:
    """Round the channels of one batch as `best` does; `places` are `pairs` in the feedback's order."""
    tried, channels = len(steps), weights.shape[2]
    order = feedback.order[:, :, None]
    ordered = np.take_along_axis(weights, order, 1)
    target = np.concatenate([ordered / step[:, None, :] for step in steps], axis=2)
    if bounds.shape[2] > 1:
        bounds = np.stack([np.tile(np.take_along_axis(bound, order, 1), (1, 1, tried)) for bound in bounds])
    integers, error = _settled(feedback, target, bounds, places)
    # (groups, tried, M): all candidates of a channel side by side.
    sizes = np.stack(steps, axis=1)
    costs = error.reshape(len(weights), tried, channels) * sizes**2
    chosen = costs.argmin(axis=1, keepdims=True)
    kept = np.take_along_axis(integers.reshape(*weights.shape[:2], tried, channels), chosen[:, None], 2)[:, :, 0]
    result = np.empty_like(kept)
    np.put_along_axis(result, np.broadcast_to(order, kept.shape), kept, 1)
    step, cost = (np.take_along_axis(values, chosen, 1)[:, 0] for values in (sizes, costs))
    return Rounded(integers=result, step=step, error=cost)


def _settled(
    feedback: Feedback, target: Floats, bounds: Floats, places: NDArray[np.int64] | None
) -> tuple[Floats, Floats]:
    """Return the integers and the squared error in steps; all arrays are in the feedback's order."""
    integers, lost = np.empty_like(target), np.empty_like(target)
    error = np.zeros((target.shape[0], target.shape[2]), np.float32)
    for block in feedback.blocks(lost):
        wanted = target[:, block.start : block.end] + block.correction
        for row in range(block.end - 1, block.start - 1, -1):
            own, settled = row - block.start, slice(row + 1, block.end)
            aim = wanted[:, own] + (block.within[:, None, own + 1 :, own] @ lost[:, settled])[:, 0]
            bottom, top = bounds[:, :, row if bounds.shape[2] > 1 else 0]
            for place in () if places is None else places[:, row]:
                if place > row:  # the partner is rounded already
                    bottom = np.maximum(bottom, -LARGEST_PAIR - integers[:, place])
                    top = np.minimum(top, LARGEST_PAIR - integers[:, place])
            integers[:, row] = np.clip(np.rint(aim), bottom, top)
            lost[:, row] = target[:, row] - integers[:, row]
            error += (block.diagonal[:, own, None] * (aim - integers[:, row])) ** 2
    return integers, error


def _joined(parts: list[Rounded], axis: int) -> Rounded:
    """Return the concatenation of separately rounded groups or channels; a single part is not copied."""
    if len(parts) == 1:
        return parts[0]
    return Rounded(
        integers=np.concatenate([one.integers for one in parts], axis),
        step=np.concatenate([one.step for one in parts], axis),
        error=np.concatenate([one.error for one in parts], axis),
    )
