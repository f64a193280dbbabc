"""Ids that a model takes as floats stay exact in integer files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export import pipeline
from export.scheme import FLOAT32, INT8, W8A16
from tests.export.own_export import failures, saved


@pytest.mark.large
@pytest.mark.parametrize("most", [50, 1000])
def test_float_ids_of_an_embedding_are_not_rounded(most: int, tmp_path: Path) -> None:
    import keras

    keras.utils.set_random_seed(0)
    ids = keras.Input((6,), name="ids")
    vectors = keras.layers.Embedding(most, 8, embeddings_initializer="random_normal")(ids)
    model = keras.Model(ids, keras.layers.Dense(4)(keras.layers.Flatten()(vectors)))
    rows = np.random.default_rng(0).integers(0, most, (100, 6)).astype(np.float32)
    delivery = pipeline.run(saved(model, {"ids": rows}, tmp_path, (FLOAT32, INT8, W8A16)))
    assert failures(delivery) == []
    assert all(file["raised"] == {} for file in delivery.manifest["files"])
