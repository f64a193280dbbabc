"""Embeddings: from numbers of tokens to vectors, and from a sequence of vectors to one."""

from __future__ import annotations

from typing import Any

EPSILON = 1e-9  # below the length of any vector of a trained network


def positions_of(ids: Any) -> Any:
    """Return the position of each token, int32 like `ids` (N, length): 0, 1, 2, ...

    Computed from the shape of `ids` alone, so that a file with a static length stores the rows of the positions.
    """
    from keras import ops

    return ops.cumsum(ops.ones_like(ids), axis=1) - 1


def mean_of_tokens(x: Any, mask: Any) -> Any:
    """Return the mean over the real tokens, (N, width).

    Args:
        x: a vector for each token, (N, length, width).
        mask: int32 (N, length), 1 for real tokens, of which there must be one.
    """
    from keras import ops

    weights = ops.cast(mask, "float32")
    weights = weights / ops.sum(weights, axis=1, keepdims=True)
    return ops.sum(x * ops.expand_dims(weights, -1), axis=1)


def unit_length(x: Any, name: str) -> Any:
    """Return vectors (N, width) scaled to length 1, whose products are their cosines."""
    from keras import layers

    return layers.UnitNormalization(name=name)(x)
