"""Changed predictions apart: near ties, which any rounding may turn, and clear ones, which are worth a look."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration.samples import Array

# Two classes whose probabilities in the reference differ by so little are a near tie.
NEAR_TIE = 0.1
PROBABILITY_SLACK = 0.01  # by which rounded probabilities may leave 0 to 1


def leads(scores: Array, winners: Array, others: Array) -> NDArray[np.float64]:
    """Return by how much the probability of a class leads that of another one in each row of scores (N, classes).

    Args:
        scores: all of them probabilities, or all of them logits.
        winners: the first class of each row (N,).
        others: the second class of each row (N,).
    """
    rows = np.flatnonzero(winners != others)
    shares = _probabilities(scores, rows)
    found = np.zeros(len(scores))
    found[rows] = shares[np.arange(len(rows)), winners[rows]] - shares[np.arange(len(rows)), others[rows]]
    return found


def clear_change_share(expected: Array, best: Array, predicted: Array) -> float:
    """Return the share of rows whose class changes although it led by more than `NEAR_TIE` in the reference.

    Args:
        expected: scores of the reference (N, classes).
        best: class of each row (N,) in the reference.
        predicted: class of each row (N,) in the file.
    """
    return float((leads(expected, best, predicted) > NEAR_TIE).mean())


def _probabilities(scores: Array, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    chosen = scores[rows].astype(np.float64)
    if scores.min() >= -PROBABILITY_SLACK and scores.max() <= 1 + PROBABILITY_SLACK:
        return chosen
    powers = np.exp(chosen - chosen.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
