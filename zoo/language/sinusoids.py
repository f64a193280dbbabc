"""Positions as sines and cosines of many wavelengths, which need no training."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from zoo.language.tied_embedding import rows_of

BASE = 10_000.0  # the longest wavelength, over 2 pi


def sinusoids(length: int, width: int) -> NDArray[np.float32]:
    """Return the vectors (length, width) of the positions: sines in even channels, cosines in odd ones.

    Vaswani et al. 2017, "Attention Is All You Need", https://arxiv.org/abs/1706.03762, section 3.5.
    """
    angles = np.arange(length)[:, None] * BASE ** (-2 * np.arange(width // 2) / width)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(length, width).astype(np.float32)


@keras.saving.register_keras_serializable("zoo_export")
class SinusoidalPositions(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """The vector of sines and cosines of each position below `context`."""

    def __init__(self, context: int, width: int, **base: Any) -> None:
        super().__init__(**base)
        self.context, self.width = context, width

    def call(self, positions: Any) -> Any:
        """Return the vectors (N, width) of positions (N,)."""
        return rows_of(sinusoids(self.context, self.width), positions)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the layer."""
        return {**super().get_config(), "context": self.context, "width": self.width}
