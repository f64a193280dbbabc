"""Networks over sequences, trained for a few seconds, are proven in every precision and both formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from export.scheme import FLOAT32, INT8, W8A16, W8A32
from tests.export.own_export import exported, failures

STEPS, CLASSES = 32, 3


def waves(count: int = 220) -> tuple[np.ndarray, np.ndarray]:
    """Return noisy sine waves on three channels, whose frequency is the class."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, CLASSES, count)
    angles = np.arange(STEPS)[None, :, None] * (0.2 + 0.25 * classes[:, None, None]) + rng.uniform(0, 6, (count, 1, 3))
    return (np.sin(angles) + rng.normal(0, 0.2, (count, STEPS, 3))).astype(np.float32), classes


def temporal_convolutions(x: keras.KerasTensor) -> keras.KerasTensor:
    """Dilated causal convolutions with layer normalization: variances near zero."""
    y = layers.Conv1D(12, 1)(x)
    for rate in (1, 2, 4):
        z = layers.Conv1D(12, 3, padding="causal", dilation_rate=rate, activation="relu")(y)
        y = layers.Add()([y, layers.LayerNormalization()(z)])
    return y[:, -1]


def gated_convolutions(x: keras.KerasTensor) -> keras.KerasTensor:
    """Pairs of dilated convolutions that multiply, and a sum of all of them."""
    y, skips = layers.Conv1D(8, 2, padding="causal")(x), []
    for rate in (1, 2, 4):
        gate, value = (
            layers.Conv1D(8, 2, padding="causal", dilation_rate=rate, activation=kind)(y)
            for kind in ("sigmoid", "tanh")
        )
        skips.append(layers.Conv1D(8, 1)(layers.Multiply()([gate, value])))
        y = layers.Add()([y, skips[-1]])
    return layers.GlobalAveragePooling1D()(layers.Activation("relu")(layers.Add()(skips)))


def encoder(x: keras.KerasTensor) -> keras.KerasTensor:
    """Two blocks of a Transformer's encoder, whose attention is nearly even: a square map like itself turned."""
    y = layers.Dense(16)(x)
    for _ in range(2):
        y = layers.LayerNormalization()(y + layers.MultiHeadAttention(2, 8)(y, y))
        y = layers.LayerNormalization()(y + layers.Dense(16)(layers.Dense(32, activation="relu")(y)))
    return layers.GlobalAveragePooling1D()(y)


@pytest.mark.large
@pytest.mark.parametrize("body", [temporal_convolutions, gated_convolutions, encoder])
def test_networks_over_sequences_are_proven(
    body: Callable[[keras.KerasTensor], keras.KerasTensor], tmp_path: Path
) -> None:
    keras.utils.set_random_seed(0)
    x = keras.Input((STEPS, 3), name="x")
    model = keras.Model(x, layers.Dense(CLASSES, activation="softmax")(body(x)))
    rows, classes = waves()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(rows, classes, epochs=3, batch_size=16, verbose=0)
    delivery = exported(model, {"x": rows}, tmp_path, (FLOAT32, INT8, W8A16, W8A32))
    assert failures(delivery) == []
