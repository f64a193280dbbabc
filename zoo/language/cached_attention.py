"""Attention whose keys and values may come from a cache of earlier tokens.

Vaswani et al. 2017, "Attention Is All You Need", https://arxiv.org/abs/1706.03762, section 3.2. Several heads may share
their keys and values: Ainslie et al. 2023, "GQA", https://arxiv.org/abs/2305.13245.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

# What a mask adds to the score of a key that must not be seen: the number of LiteRT-LM, about -2.4e38.
MASKED = float(np.float32(-0.7) * np.finfo(np.float32).max)


@keras.saving.register_keras_serializable("zoo_export")
class SplitHeads(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Turn rows of tokens into heads."""

    def __init__(self, heads: int, **base: Any) -> None:
        super().__init__(**base)
        self.heads = heads

    def call(self, rows: Any, tokens: Any) -> Any:
        """Return rows (B * N, heads * size) as (B, heads, N, size); tokens (B, N) have at most one unknown size."""
        batch, length = (-1 if size is None else size for size in tokens.shape)
        apart = ops.reshape(rows, (batch, length, self.heads, rows.shape[-1] // self.heads))
        return ops.transpose(apart, (0, 2, 1, 3))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the layer."""
        return {**super().get_config(), "heads": self.heads}


@keras.saving.register_keras_serializable("zoo_export")
class GroupedAttention(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Scaled dot-product attention, where `heads` / `key_heads` neighbouring heads share their keys and values."""

    def __init__(self, heads: int, key_heads: int, **base: Any) -> None:
        super().__init__(**base)
        if heads % key_heads:
            raise ValueError(f"{heads} heads cannot share {key_heads} heads of keys")
        self.heads, self.key_heads = heads, key_heads

    def call(self, queries: Any, keys: Any, values: Any, mask: Any) -> Any:
        """Return the rows (B * N, heads * size) of mixed values.

        Args:
            queries: (B, heads, N, size).
            keys: (B, key_heads, C, size).
            values: (B, key_heads, C, size).
            mask: (B or 1, 1, N or 1, C), 0 where a query sees a key and `MASKED` elsewhere.
        """
        size = queries.shape[-1]
        keys, values = self._for_all_heads(keys), self._for_all_heads(values)
        scores = ops.matmul(queries, ops.transpose(keys, (0, 1, 3, 2))) * size**-0.5
        mixed = ops.matmul(ops.softmax(scores + mask, axis=-1), values)
        return ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, self.heads * size))

    def _for_all_heads(self, x: Any) -> Any:
        """Return x (B, key_heads, C, size) as (B, heads, C, size): heads 0 and 1 get the first key head, and so on."""
        times = self.heads // self.key_heads
        if times == 1:
            return x
        batch, _, length, size = (-1 if side is None else side for side in x.shape)
        return ops.reshape(ops.stack([x] * times, axis=2), (batch, self.heads, length, size))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the layer."""
        return {**super().get_config(), "heads": self.heads, "key_heads": self.key_heads}


@keras.saving.register_keras_serializable("zoo_export")
class CausalMask(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """The mask of a whole text: a token sees itself and those before it."""

    def call(self, tokens: Any) -> Any:
        """Return the mask (1, 1, N, N) of tokens (B, N)."""
        length = tokens.shape[1]
        return ops.convert_to_tensor(np.triu(np.full((1, 1, length, length), MASKED, np.float32), 1))


@keras.saving.register_keras_serializable("zoo_export")
class Positions(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """The positions of a whole text: 0, 1, 2 ..."""

    def call(self, tokens: Any) -> Any:
        """Return the positions (N,) of tokens (B, N)."""
        return ops.convert_to_tensor(np.arange(tokens.shape[1], dtype=np.int32))


@keras.saving.register_keras_serializable("zoo_export")
class WriteCache(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Write the keys or values of new tokens into a cache of fixed length."""

    def call(self, cache: Any, new: Any, positions: Any) -> Any:
        """Return the cache (1, heads, C, size) with new (1, heads, N, size) in the rows from positions[0] on."""
        return ops.slice_update(cache, (0, 0, positions[0], 0), new)


@keras.saving.register_keras_serializable("zoo_export")
class AppendCache(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Append the keys or values of new tokens to those of earlier ones."""

    def call(self, past: Any, new: Any) -> Any:
        """Return past (1, heads, P, size) and new (1, heads, N, size) as (1, heads, P + N, size)."""
        return ops.concatenate([past, new], axis=2)


@keras.saving.register_keras_serializable("zoo_export")
class PastMask(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """The mask of new tokens behind earlier ones, some of which may be padding."""

    def call(self, attention_mask: Any, position_ids: Any) -> Any:
        """Return the mask (1, 1, N, C).

        Args:
            attention_mask: int64 (1, C), 1 for tokens and 0 for padding.
            position_ids: int64 (1, N), the positions of the new tokens, counted without padding.
        """
        key_positions = ops.cumsum(attention_mask, axis=1) - 1
        is_earlier = ops.expand_dims(key_positions, (1, 2)) <= ops.expand_dims(position_ids, (1, 3))
        is_token = ops.expand_dims(attention_mask, (1, 2)) > 0
        return ops.where(ops.logical_and(is_earlier, is_token), np.float32(0), np.float32(MASKED))
