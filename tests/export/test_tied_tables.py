"""A table that both a lookup and a dense layer read is proven, in the grid that each of them needs."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from export.scheme import INT8, INT8_DYNAMIC, W8A32, Scheme
from tests.export.own_export import exported, failures

WORDS, LENGTH, WIDTH = 60, 8, 16


@pytest.mark.parametrize("scheme", [INT8, INT8_DYNAMIC, W8A32], ids=lambda scheme: scheme.name)
def test_a_table_that_a_lookup_and_a_dense_layer_share_is_proven(scheme: Scheme, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    table = layers.ReversibleEmbedding(WORDS, WIDTH)
    words = keras.Input((LENGTH,), dtype="int32", name="words")
    hidden = layers.Dense(WIDTH)(layers.Dense(2 * WIDTH, activation="relu")(table(words)))
    model = keras.Model(words, table(hidden, reverse=True))
    values = table.get_weights()[0]
    values[::4] *= 6.0  # so that one grid for the lookup is coarser than the grid of each row of the layer
    table.set_weights([values])
    rows = np.random.default_rng(0).integers(0, WORDS, (120, LENGTH)).astype(np.int32)
    assert failures(exported(model, {"words": rows}, tmp_path, (scheme,))) == []
