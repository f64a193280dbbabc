"""Rounding with error feedback: what one weight loses is made good by those that are rounded after it.

Frantar & Alistarh 2022, "Optimal Brain Compression", https://arxiv.org/abs/2208.11696, and Frantar et al. 2022,
"GPTQ", https://arxiv.org/abs/2210.17323.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.formats.pairing import LARGEST_PAIR, largest_pair, partners
from export.passes.feedback import Feedback, Inputs

Floats = NDArray[np.float32]

LARGEST = 127
AT_ONCE = 1 << 24  # numbers of all candidates of some channels, 64 MB: more memory makes nothing faster
# Steps of a matrix's channel, as shares of the way from the smallest possible step to one at which plain rounding
# leaves no pair of neighbours too large.
PAIRED_SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
# Of a layer's weights, from which on zeros were made on purpose.
FEWEST_PRUNED = 0.05
# Steps of a depthwise channel, as shares of the smallest at which nothing is clipped.
CLIPPED_SHARES = tuple(np.linspace(0.6, 1.0, 17))


@dataclass(frozen=True)
class Rounded:
    """Weights (groups, K, M) as integers times a step (groups, M), and the squared error expected of the outputs."""

    integers: Floats
    step: Floats
    error: Floats

    @property
    def values(self) -> Floats:
        """The weights that the integers stand for, float32."""
        return self.integers * self.step[:, None, :]


def round_depthwise(weights: Floats, inputs: Inputs, ridge: float) -> Rounded:
    """Return weights (channels, K, M) on grids whose largest weight is 127 or -127, as the quantizers find them."""
    largest = np.abs(weights).max(axis=1)
    strongest = np.abs(weights).argmax(axis=1)[:, None]
    bounds = np.full((2, *weights.shape), LARGEST, np.float32)
    bounds[0] *= -1
    peak = np.take_along_axis(weights, strongest, 1)
    signs = LARGEST * np.sign(np.where(np.abs(peak) > np.finfo(np.float32).tiny, peak, 0))
    for bound in bounds:
        np.put_along_axis(bound, strongest, signs, 1)
    steps = [_positive(largest * np.float32(share / LARGEST)) for share in CLIPPED_SHARES]
    return best(inputs.feedback(ridge), weights, steps, bounds, None)


def round_matrix(weights: Floats, inputs: Inputs, ridge: float, shape: tuple[int, ...]) -> Rounded:
    """Return weights (groups, K, M), K inputs of that `shape`, of which no two neighbours are too large together."""
    found = []
    for number, group in enumerate(weights):
        bounds = _bounds(group)
        small = _positive(np.abs(group).max(axis=0) / np.float32(LARGEST))
        safe = _safe_step(group, small, shape)
        steps = [(small * (safe / small) ** np.float32(share))[None] for share in PAIRED_SHARES]
        found.append(best(inputs.feedback(ridge, number), group[None], steps, bounds, partners(shape)))
    return _joined(found, axis=0)


def _bounds(weights: Floats) -> Floats:
    """Return the smallest and largest integers of weights (K, M): one for all, or zeros where those are pruned."""
    largest = np.float32(LARGEST)
    if np.count_nonzero(weights) > weights.size * (1 - FEWEST_PRUNED):
        return np.array([-largest, largest], np.float32).reshape(2, 1, 1, 1)
    top = np.where(weights == 0, np.float32(0), largest)[None]
    return np.stack([-top, top])


def round_transposed(weights: Floats, inputs: Inputs, ridge: float, outputs: int) -> Rounded:
    """Return weights (1, K, taps * outputs) of a transposed convolution; the taps of an output share their step."""
    by_output = np.moveaxis(weights.reshape(*weights.shape[:2], -1, outputs), 3, 0).reshape(outputs, -1)
    step = _positive(np.abs(by_output).max(axis=1) / np.float32(LARGEST))
    steps = np.tile(step, weights.shape[2] // outputs)[None]
    in_steps = np.rint(weights / steps[:, None])
    settled = np.abs(in_steps) >= LARGEST  # An output's largest weight stays: the quantizers find the step by it.
    bottom, top = _bounds(weights[0])
    bounds = np.stack([np.where(settled, in_steps, bottom), np.where(settled, in_steps, top)])
    return best(inputs.feedback(ridge), weights, [steps], bounds.astype(np.float32), None)


def _safe_step(weights: Floats, step: Floats, shape: tuple[int, ...]) -> Floats:
    """Return the steps (M,) from `step` on at which nearest rounding of weights (K, M) leaves no pair too large."""
    step, todo = step.copy(), np.arange(len(step))
    while len(todo):
        pair = largest_pair(np.rint(weights[:, todo] / step[todo]), shape)
        todo, pair = todo[pair > LARGEST_PAIR], pair[pair > LARGEST_PAIR]
        step[todo] *= np.maximum(pair / (LARGEST_PAIR + 1), 1.003)
    return step


def _positive(step: Floats) -> Floats:
    """Return steps; 1 for channels of zeros."""
    return np.where(step > np.finfo(np.float32).tiny, step, 1).astype(np.float32)


def best(
    feedback: Feedback, weights: Floats, steps: list[Floats], bounds: Floats, pairs: NDArray[np.int64] | None
) -> Rounded:
    """Round weights (groups, K, M) to multiples of that one of `steps` that costs a channel least.

    Args:
        feedback: of the weights' inputs.
        weights: to be rounded.
        steps: to choose from, each (groups, M).
        bounds: smallest and largest integer (2, groups, K, M), or one for all.
        pairs: (orders, K), whom an input is added to; None if nobody. Only with one group.
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
    """Do that for channels that are looked at at once; `places` are in the feedback's order."""
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
    """Return the integers and the squared error in steps; everything is in the feedback's order."""
    integers, lost = np.empty_like(target), np.empty_like(target)
    error = np.zeros((target.shape[0], target.shape[2]), np.float32)
    for block in feedback.blocks(lost):
        wanted = target[:, block.start : block.end] + block.asked
        for row in range(block.end - 1, block.start - 1, -1):
            own, settled = row - block.start, slice(row + 1, block.end)
            aim = wanted[:, own] + (block.within[:, None, own + 1 :, own] @ lost[:, settled])[:, 0]
            bottom, top = bounds[:, :, row if bounds.shape[2] > 1 else 0]
            for place in () if places is None else places[:, row]:
                if place > row:  # its partner is settled
                    bottom = np.maximum(bottom, -LARGEST_PAIR - integers[:, place])
                    top = np.minimum(top, LARGEST_PAIR - integers[:, place])
            integers[:, row] = np.clip(np.rint(aim), bottom, top)
            lost[:, row] = target[:, row] - integers[:, row]
            error += (block.diagonal[:, own, None] * (aim - integers[:, row])) ** 2
    return integers, error


def _joined(parts: list[Rounded], axis: int) -> Rounded:
    """Return groups or channels that were rounded one after another as one; what is one already is not copied."""
    if len(parts) == 1:
        return parts[0]
    return Rounded(
        integers=np.concatenate([one.integers for one in parts], axis),
        step=np.concatenate([one.step for one in parts], axis),
        error=np.concatenate([one.error for one in parts], axis),
    )
