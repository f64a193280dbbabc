"""Interpret the outputs of a classifier: the most probable classes of a photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from export.analysis.tasks.prediction import Prediction, Row

# Allows for float32 rounding of a sum of probabilities, and for the last bit of an int8 one.
PROBABILITY_SLACK = 0.01


@dataclass(frozen=True, kw_only=True)
class Guess:
    """A predicted class; the probability is between 0 and 1."""

    index: int
    name: str
    probability: float


def prediction(guesses: Sequence[Guess]) -> Prediction:
    """Return the predicted classes of one photo as a prediction."""
    return Prediction(
        record={"guesses": [asdict(guess) for guess in guesses]},
        rows=tuple(Row(share=guess.probability, title=guess.name) for guess in guesses),
    )


def best(scores: NDArray[np.float64], labels: Sequence[str], top: int) -> tuple[Guess, ...]:
    """Return the `top` classes of scores (classes,), logits or probabilities."""
    shares = probabilities(scores)
    order = np.argsort(-shares, kind="stable")[:top]
    return tuple(Guess(index=int(i), name=labels[i], probability=float(shares[i])) for i in order)


def probabilities(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scores (classes,) as probabilities: unchanged if they are between 0 and 1, else their softmax.

    A model may end in a softmax or in logits; logits of a trained network do not all lie between 0 and 1.
    """
    if scores.min() >= -PROBABILITY_SLACK and scores.max() <= 1 + PROBABILITY_SLACK:
        return scores
    powers = np.exp(scores - scores.max())
    normalised: NDArray[np.float64] = powers / powers.sum()
    return normalised
