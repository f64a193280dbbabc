"""Positions as sines and cosines of many wavelengths, which need no training."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

BASE = 10_000.0  # the longest wavelength, over 2 pi


def sinusoids(length: int, width: int) -> NDArray[np.float32]:
    """Return the vectors (length, width) of the positions: sines in even channels, cosines in odd ones.

    Vaswani et al. 2017, "Attention Is All You Need", https://arxiv.org/abs/1706.03762, section 3.5.
    """
    angles = np.arange(length)[:, None] * BASE ** (-2 * np.arange(width // 2) / width)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, width).astype(np.float32)


@keras.saving.register_keras_serializable("zoo_export")
class SinusoidalPositions(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Adds the vector of its position to the embedding of each token."""

    def call(self, x: Any) -> Any:
        """Return embeddings x (N, length, width) times the root of the width (section 3.4), plus the positions.

        Embeddings that are also the matrix of the logits are small; scaled, they are as large as the positions.
        """
        return x * x.shape[-1] ** 0.5 + sinusoids(*x.shape[1:])
