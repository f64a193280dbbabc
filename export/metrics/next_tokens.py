"""How far the distribution of the next token moves, which is what language models are compared by."""

from __future__ import annotations

import numpy as np

from calibration.samples import Array


def mean_kl_nats(expected: Array, found: Array) -> float:
    """Return the mean Kullback-Leibler divergence of logits (N, ..., vocabulary) from the expected ones, in nats.

    It is the mean loss that a text drawn from the reference model has more under the file than under that model.
    """
    total, rows = 0.0, 0
    for one, other in zip(expected, found, strict=True):  # one text at a time: logits are large
        reference, actual = (_log_softmax(logits) for logits in (one, other))
        total += float((np.exp(reference) * (reference - actual)).sum())
        rows += reference[..., 0].size
    return max(0.0, total / rows)


def perplexity(logits: Array, tokens: Array) -> float:
    """Return the perplexity of texts, tokens (N, length), under logits (N, length, vocabulary) of the next tokens."""
    targets = tokens[:, 1:]
    return float(np.exp(total_nats(logits[:, :-1], targets) / targets.size))


def total_nats(logits: Array, targets: Array) -> float:
    """Return the cross-entropy of all targets (N, length) under logits (N, length, vocabulary), in nats."""
    total = 0.0
    for scores, text in zip(logits, targets, strict=True):  # one text at a time: logits are large
        chances = _log_softmax(scores)
        total -= float(np.take_along_axis(chances, text[:, None].astype(np.int64), axis=1).sum())
    return total


def _log_softmax(logits: Array) -> Array:
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted
