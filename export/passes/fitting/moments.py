"""Second moments of inputs that may be constant or far from zero, where float32 squares lose the variation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.passes.fitting.feedback import Moments

# Error of the variance of a nearly constant input, relative to its power: float32 represents the input and the mean
# subtracted from it with a relative error of 2^-24 each.
VARIANCE_NOISE = 2.0**-40


def moments(chunks: Iterable[Any]) -> Moments:
    """Return the second moments about the mean of rows that come in chunks (groups, S, K)."""
    import tensorflow as tf

    pivot: Any = None  # near the mean, because squares of large, nearly constant values would lose the variation
    squares: Any = 0.0
    total: Any = 0.0
    count = 0
    for rows in chunks:
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
        # numpy detects that both factors are equal and computes only half of the product.
        alone = rows[0].numpy()
        found: NDArray[np.float32] = (alone.T @ alone)[None]
    else:
        found = tf.matmul(rows, rows, transpose_a=True).numpy()
    return found
