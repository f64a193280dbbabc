"""An .h5 of Keras 3 with operators between its layers is loaded, which Keras itself cannot do."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from export.model.loading import h5_operators, model_file


def mixed() -> keras.Model:
    """Return a model with operators that have the names of layers, and with those layers."""
    x, y = keras.Input((4, 6), name="x"), keras.Input((4, 6), name="y")
    z = (layers.Dense(6)(x) + y) * 2.0 - x / 3.0
    z = ops.concatenate([z[:, 1:3], layers.Concatenate(axis=1)([z, z])], axis=1)
    z = layers.Add()([z, ops.maximum(z, 0.1)]) + np.linspace(0, 1, 6, dtype=np.float32)
    z = ops.relu(ops.mean(layers.Reshape((60,))(z), axis=-1, keepdims=True))
    return keras.Model([x, y], layers.Dense(2, name="z")(ops.reshape(z, (-1, 1))))


def nested() -> keras.Model:
    x = keras.Input((5,), name="x")
    inner = keras.Model(x, layers.Dense(3)(x * 2.0) - 1.0)
    sequential = keras.Sequential([keras.Input((5,)), inner, layers.ReLU()])
    return keras.Model(x, sequential(x) / 4.0 + inner(x))


def application() -> keras.Model:
    from keras.src.applications import convnext

    image = keras.Input((8, 8, 3), name="image")
    return keras.Model(image, image + convnext.LayerScale(0.5, 3)(layers.Conv2D(3, 1)(image)))


@pytest.mark.parametrize("build", [mixed, nested, application])
def test_outputs_are_those_of_the_model(build: type[keras.Model], tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    model = build()
    model.save(tmp_path / "own.h5")
    with pytest.raises((ValueError, TypeError)):  # once Keras can, h5_operators.py is not needed any more
        keras.saving.load_model(tmp_path / "own.h5", compile=False)
    loaded = model_file.load(tmp_path / "own.h5").model
    random = np.random.default_rng(0)
    batch = [random.normal(size=(3, *one.shape[1:])).astype(np.float32) for one in model.inputs]
    np.testing.assert_array_equal(np.asarray(loaded(batch)), np.asarray(model(batch)))


def test_layers_are_not_taken_for_operators() -> None:
    config = {"class_name": "Add", "config": {"name": "add", "trainable": True}, "inbound_nodes": []}
    assert h5_operators.named([config]) == [config]
    operator = {"class_name": "Add", "config": {"name": "add"}, "inbound_nodes": []}
    assert h5_operators.named([operator]) == [{**operator, "class_name": "operator>Add"}]
    unknown = {"class_name": "Mine", "config": {"name": "mine"}, "inbound_nodes": []}
    assert h5_operators.named([unknown]) == [unknown]
