"""Healthy files that the checks of arithmetic and of enlarged inputs must not refuse."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from export.recipe import Width
from export.scheme import FLOAT32, INT8
from tests.export.own_export import exported, failures


def rows(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(120, *shape)).astype(np.float32)


def test_layers_raised_to_int16_are_judged_by_the_steps_of_16_bits(tmp_path: Path) -> None:
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    x = keras.Input((12, 12, 3), name="image")
    y = layers.Conv2D(16, 3, activation="relu", name="c1")(x)
    y = layers.Conv2D(16, 3, activation="tanh", name="c2")(y)
    model = keras.Model(x, layers.Dense(4)(layers.GlobalAveragePooling2D()(y)))
    raised = {"c1": Width.INT16, "c2": Width.INT16}
    delivery = exported(model, {"image": rows(12, 12, 3)}, tmp_path, (INT8,), formats=("tflite",), raised=raised)
    assert failures(delivery) == []


def test_rare_probabilities_that_vanish_on_enlarged_inputs_are_no_fault(tmp_path: Path) -> None:
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    x = keras.Input((6,), name="x")
    distance = ops.sum(x * x, axis=-1, keepdims=True)
    rare = layers.Dense(1, activation="sigmoid", bias_initializer=keras.initializers.Constant(-3.0), name="rare")(x)
    model = keras.Model(x, [rare, layers.Identity(name="near")(ops.exp(-1.5 * distance))])
    inputs = np.abs(rows(6)) * np.sign(-np.asarray(model.get_layer("rare").kernel)[:, 0])
    delivery = exported(model, {"x": 0.5 * inputs.astype(np.float32)}, tmp_path, (FLOAT32,))
    assert failures(delivery) == []
