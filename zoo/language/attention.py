"""Multi-head attention as the layers and operations that it consists of.

Vaswani et al. 2017, "Attention Is All You Need", https://arxiv.org/abs/1706.03762, section 3.2. Built from Dense layers
and not from keras.layers.MultiHeadAttention, so that every matrix is a layer of its own that can be quantized, kept in
higher precision and reported by name.
"""

from __future__ import annotations

from typing import Any

# Added to the score of a position that must not be seen: the softmax of float32 makes it exactly zero. Larger numbers
# would do the same, but a file whose activations are integers has to cover them.
HIDDEN = -1e4


def mask_scores(mask: Any) -> Any:
    """Return what is added to attention scores: 0 for real tokens, `HIDDEN` for padding.

    Args:
        mask: int32 (N, length), 1 for real tokens.

    Returns:
        float32 (N, 1, 1, length), for all heads and all queries.
    """
    from keras import layers, ops

    length = mask.shape[1]
    is_padding = 1.0 - ops.cast(mask, "float32")
    return layers.Reshape((1, 1, length), name="mask_scores")(is_padding * HIDDEN)


def attention(x: Any, scores: Any, *, heads: int, name: str) -> Any:
    """Return the attention of a sequence to itself, (N, length, width), like `x`.

    Args:
        x: the sequence (N, length, width).
        scores: added to the scores, (N or 1, 1 or heads, 1 or length, length).
        heads: number of heads, a divisor of the width.
        name: prefix of the layers' names.
    """
    from keras import layers, ops

    def dense(inputs: Any, part: str) -> Any:
        return layers.Dense(width, name=f"{name}_{part}")(inputs)

    length, width = x.shape[1:]
    query, key, value = (_by_head(dense(x, part), heads) for part in ("query", "key", "value"))
    # Equation 1. A converter would fold a division of the queries into their matrix, and so change its 4-bit grid.
    weights = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) * (width // heads) ** -0.5
    weights = layers.Softmax(name=f"{name}_weights")(weights + scores)
    found = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
    found = layers.Reshape((length, width), name=f"{name}_heads")(found)
    return dense(found, "output")


def _by_head(x: Any, heads: int) -> Any:
    """Return (N, length, width) as (N, heads, length, width / heads)."""
    from keras import ops

    length, width = x.shape[1:]
    return ops.transpose(ops.reshape(x, (-1, length, heads, width // heads)), (0, 2, 1, 3))
