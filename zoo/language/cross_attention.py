"""What the attention of a text to another one needs: the mask of padding, and the positions of texts of any length.

Vaswani et al. 2017, "Attention Is All You Need", https://arxiv.org/abs/1706.03762, section 3.2.3.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.language.cached_attention import MASKED


@keras.saving.register_keras_serializable("zoo_export")
class PaddingMask(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """The mask that hides padding from all queries."""

    def call(self, mask: Any) -> Any:
        """Return the mask (B, 1, 1, N) of a mask (B, N) of integers, 1 for tokens and 0 for padding."""
        return (1.0 - ops.cast(ops.expand_dims(mask, (1, 2)), "float32")) * MASKED


@keras.saving.register_keras_serializable("zoo_export")
class NewTokens(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """The part of a text whose keys are not in a cache yet."""

    def call(self, mask: Any, past: Any) -> Any:
        """Return the columns (B, N - P) of a mask (B, N) behind those of past keys (B, heads, P, size)."""
        return mask[:, ops.shape(past)[2] :]

    def compute_output_spec(self, mask: Any, past: Any) -> Any:
        """Return shape and type of the result."""
        return keras.KerasTensor((mask.shape[0], None), dtype=mask.dtype)


@keras.saving.register_keras_serializable("zoo_export")
class PositionsBehind(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """The positions of new tokens behind those whose keys are in a cache."""

    def call(self, tokens: Any, past: Any) -> Any:
        """Return the positions P, P + 1 ... (N,) of tokens (B, N) behind past keys (B, heads, P, size)."""
        start = ops.shape(past)[2]
        return ops.arange(start, start + ops.shape(tokens)[1], dtype="int32")

    def compute_output_spec(self, tokens: Any, past: Any) -> Any:
        """Return shape and type of the result."""
        return keras.KerasTensor((tokens.shape[1],), dtype="int32")


@keras.saving.register_keras_serializable("zoo_export")
class CausalMaskBehind(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """The mask of new tokens behind earlier ones: a token sees itself and all before it."""

    def call(self, positions: Any) -> Any:
        """Return the mask (1, 1, N, C) of consecutive positions (N,), of which the last is C - 1."""
        keys = ops.arange(positions[-1] + 1, dtype="int32")
        is_seen = ops.expand_dims(keys, 0) <= ops.expand_dims(positions, 1)
        return ops.expand_dims(ops.where(is_seen, np.float32(0), np.float32(MASKED)), (0, 1))

    def compute_output_spec(self, positions: Any) -> Any:
        """Return shape and type of the result."""
        return keras.KerasTensor((1, 1, positions.shape[0], None), dtype="float32")
