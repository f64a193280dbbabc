"""A layer that adds a number to each channel, for a head whose matrix belongs to another layer."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("zoo_export")
class Bias(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Adds a trained vector along the last axis."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Create the vector."""
        self.bias = self.add_weight(shape=(shape[-1],), initializer="zeros", name="bias")

    def call(self, x: Any) -> Any:
        """Return `x` plus the vector."""
        return x + self.bias
