"""Second moments of inputs that may be constant, or far from zero: a float32 square forgets what varies there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.passes.feedback import Moments

# Of an input's power: what its variance may be wrong by where it is constant. float32 holds the input, and the mean
# that is taken from it, to 2^-24 of their size each.
VARIANCE_NOISE = 2.0**-40


def moments(drawn: Iterable[Any]) -> Moments:
    """Return the second moments about the mean of rows (groups, S, K)."""
    import tensorflow as tf

    pivot: Any = None  # near the mean: squares of what is far from zero and hardly varies would say nothing of it
    squares: Any = 0.0
    total: Any = 0.0
    count = 0
    for rows in drawn:
        pivot = tf.reduce_mean(rows, axis=1, keepdims=True) if pivot is None else pivot
        around = rows - pivot
        squares += _squares(around)
        total += tf.reduce_sum(around, axis=1).numpy()
        count += rows.shape[1]
    mean = total / np.float32(count)
    found: NDArray[np.float32] = squares / np.float32(count)
    found -= mean[:, :, None] * mean[:, None, :]
    variance = np.einsum("gkk->gk", found)  # a view of the diagonal
    power = (pivot.numpy()[:, 0] + mean) ** 2 + variance
    variance += np.float32(VARIANCE_NOISE) * power.mean(axis=1, keepdims=True)
    return Moments(found)


def _squares(rows: Any) -> NDArray[np.float32]:
    """Return X'X (groups, K, K) of rows X (groups, S, K)."""
    import tensorflow as tf

    if rows.shape[0] == 1:
        # numpy sees that both factors are the same, and computes half of it.
        alone = rows[0].numpy()
        found: NDArray[np.float32] = (alone.T @ alone)[None]
    else:
        found = tf.matmul(rows, rows, transpose_a=True).numpy()
    return found
