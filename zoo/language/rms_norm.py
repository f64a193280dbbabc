"""Root mean square normalization: layer normalization without the mean and without a bias.

Zhang and Sennrich 2019, "Root Mean Square Layer Normalization", https://arxiv.org/abs/1910.07467.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo_export")
class RMSNorm(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Divide every row by its root mean square, and multiply its channels by a trained scale."""

    def __init__(self, epsilon: float = 1e-5, **base: Any) -> None:
        super().__init__(**base)
        self.epsilon = epsilon

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Create the scale, (channels,)."""
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")

    def call(self, x: Any) -> Any:
        """Return x (..., channels), normalized.

        The scale comes first: behind the division, a converter merges it into the matrix that follows, and a matrix
        that is also the table of the embedding is then stored twice.
        """
        return (x * self.scale) * ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + self.epsilon)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the layer."""
        return {**super().get_config(), "epsilon": self.epsilon}
