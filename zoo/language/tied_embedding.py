"""Tables of vectors: of the tokens, which is also the matrix of the logits, and of the positions.

Press and Wolf 2017, "Using the Output Embedding to Improve Language Models", https://arxiv.org/abs/1608.05859.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

SMALL = 0.02  # The size of an embedding in GPT-2: the logits of a normalized row are then moderate.


def rows_of(table: Any, indices: Any) -> Any:
    """Return the rows (..., width) of a table (count, width) by indices (...), which must not be negative.

    `ops.take` adds operators for negative indices.
    """
    import tensorflow as tf

    return tf.gather(ops.convert_to_tensor(table), indices)


@keras.saving.register_keras_serializable("zoo_export")
class TiedEmbedding(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """One matrix (vocabulary, width) whose rows are the tokens' vectors; the logits are products with these rows."""

    def __init__(self, vocabulary: int, width: int, deviation: float = SMALL, **base: Any) -> None:
        super().__init__(**base)
        self.vocabulary, self.width, self.deviation = vocabulary, width, deviation

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Create the matrix, with random numbers of that standard deviation."""
        start = keras.initializers.RandomNormal(stddev=self.deviation)
        self.embeddings = self.add_weight((self.vocabulary, self.width), initializer=start, name="embeddings")

    def call(self, x: Any, reverse: bool = False) -> Any:
        """Return the vectors (N, width) of tokens (N,); in reverse, the logits (N, vocabulary) of rows (N, width)."""
        import tensorflow as tf

        matrix = ops.convert_to_tensor(self.embeddings)
        return tf.matmul(x, matrix, transpose_b=True) if reverse else rows_of(matrix, x)

    def compute_output_spec(self, x: Any, reverse: bool = False) -> Any:
        """Return shape and type of the result."""
        columns = self.vocabulary if reverse else self.width
        return keras.KerasTensor((*x.shape[:1], columns), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the layer."""
        sizes = {"vocabulary": self.vocabulary, "width": self.width, "deviation": self.deviation}
        return {**super().get_config(), **sizes}


@keras.saving.register_keras_serializable("zoo_export")
class ByText(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Turn rows, one for each token, into texts."""

    def call(self, rows: Any, tokens: Any) -> Any:
        """Return rows (B * N, channels) as (B, N, channels); tokens (B, N) have at most one unknown size."""
        batch, length = (-1 if size is None else size for size in tokens.shape)
        return ops.reshape(rows, (batch, length, rows.shape[-1]))


@keras.saving.register_keras_serializable("zoo_export")
class LearnedPositions(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """A trained vector for each position below `context`."""

    def __init__(self, context: int, width: int, **base: Any) -> None:
        super().__init__(**base)
        self.context, self.width = context, width

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Create the table (context, width)."""
        start = keras.initializers.RandomNormal(stddev=SMALL)
        self.embeddings = self.add_weight((self.context, self.width), initializer=start, name="embeddings")

    def call(self, positions: Any) -> Any:
        """Return the vectors (N, width) of positions (N,)."""
        return rows_of(self.embeddings, positions)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the layer."""
        return {**super().get_config(), "context": self.context, "width": self.width}
