"""Rotary positions: queries and keys are rotated by angles that grow with the position.

Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding", https://arxiv.org/abs/2104.09864.
A pair of channels is (i, i + half) here, as in GPT-NeoX and transformers. Weights that were trained with pairs
(2i, 2i + 1), as in the paper, fit after `half_split` of their queries' and keys' channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from zoo.language.tied_embedding import rows_of

if TYPE_CHECKING:
    from zoo.pinned import Array


@keras.saving.register_keras_serializable("zoo_export")
class RotaryTable(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Look up the cosines and sines of positions in a table of `context` rows."""

    def __init__(self, context: int, size: int, base: float = 10_000.0, **options: Any) -> None:
        super().__init__(**options)
        self.context, self.size, self.base = context, size, base

    def call(self, positions: Any) -> tuple[Any, Any]:
        """Return the cosines and sines (N, size / 2) of positions (N,), which must be below `context`."""
        steps = self.base ** (-np.arange(0, self.size, 2) / self.size)
        angles = np.arange(self.context)[:, None] * steps
        cosines, sines = (table.astype(np.float32) for table in (np.cos(angles), np.sin(angles)))
        return rows_of(cosines, positions), rows_of(sines, positions)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the layer."""
        return {**super().get_config(), "context": self.context, "size": self.size, "base": self.base}


@keras.saving.register_keras_serializable("zoo_export")
class Rotate(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Rotate the channel pairs (i, i + size / 2) of every head by the angles of the positions."""

    def call(self, x: Any, cosines: Any, sines: Any) -> Any:
        """Return x (B, heads, N, size), rotated; cosines and sines are (N, size / 2)."""
        first, second = ops.split(x, 2, axis=-1)
        turned = (first * cosines - second * sines, second * cosines + first * sines)
        return ops.concatenate(turned, axis=-1)


def half_split(kernel: Array, heads: int) -> Array:
    """Return a kernel (inputs, heads * size) of queries or keys with its pairs (2i, 2i + 1) moved to (i, i + half)."""
    inputs, channels = kernel.shape
    pairs = kernel.reshape(inputs, heads, channels // heads // 2, 2)
    return pairs.swapaxes(2, 3).reshape(inputs, channels)
