"""Pairs of weights are limited for the processors that multiply 8-bit activations, and only for them."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from export.scheme import INT8, W8A16, W8A32, Scheme
from tests.export.own_export import exported, failures


@pytest.mark.parametrize(
    ("schemes", "paired"),
    [((W8A16,), False), pytest.param((W8A16, W8A32, INT8), True, marks=pytest.mark.large)],
    ids=str,
)
def test_weights_are_limited_in_pairs_only_for_8_bit_activations(
    schemes: tuple[Scheme, ...], paired: bool, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(0)
    x = keras.Input((8,), name="x")
    model = keras.Model(x, layers.Dense(3, name="y")(layers.Dense(16, activation="relu")(x)))
    values = np.random.default_rng(0).normal(size=(110, 8)).astype(np.float32)
    delivery = exported(model, {"x": values}, tmp_path, schemes, formats=("tflite",))
    assert failures(delivery) == []
    (record,) = (one for one in delivery.manifest["passes"] if one["name"] == "reconstruct")
    assert record["parameters"]["paired"] == paired
