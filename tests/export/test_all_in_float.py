"""An int8 export whose layers all compute in float, because 8 bits are too coarse or the user says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from export.recipe import Width
from export.scheme import FLOAT32, INT8
from tests.export.own_export import exported, failures


def test_files_without_integer_operators_are_delivered_in_both_formats(tmp_path: Path) -> None:
    import keras

    keras.utils.set_random_seed(0)
    x = keras.Input((6,), name="row")
    model = keras.Model(x, keras.layers.Dense(3, name="scores")(keras.layers.Dense(5, name="hidden")(x)))
    rows = np.random.default_rng(0).normal(size=(120, 6)).astype(np.float32)
    model.compile("adam", "mse")
    model.fit(rows, rows[:, :3], epochs=1, verbose=0)
    raised = {"hidden": Width.FLOAT32, "scores": Width.FLOAT32}
    delivery = exported(model, {"row": rows}, tmp_path, (FLOAT32, INT8), raised=raised)
    assert failures(delivery) == []
