"""Integer inputs: an input keeps its own grid where what reads it takes another."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from export.recipe import Io
from export.scheme import INT8
from tests.export.own_export import exported, failures


@pytest.mark.parametrize("io", [Io.INT8, Io.UINT8, Io.FLOAT32])
def test_a_narrow_input_is_joined_to_wide_activations(io: Io, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    wide, narrow = keras.Input((8,), name="wide"), keras.Input((8,), name="narrow")
    joined = layers.Concatenate()([layers.Dense(16, activation="relu")(wide), narrow])
    model = keras.Model([wide, narrow], layers.Dense(4, name="scores")(joined))
    generator = np.random.default_rng(0)
    inputs = {"wide": 3 * generator.normal(size=(120, 8)), "narrow": generator.uniform(0.4, 0.9, (120, 8))}
    rows = {name: values.astype(np.float32) for name, values in inputs.items()}
    delivery = exported(model, rows, tmp_path, [INT8], io=io, formats=("tflite",))
    assert failures(delivery) == []
