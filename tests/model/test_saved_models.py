"""A SavedModel without Keras layers is exported by its signature, with the names of the signature."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest

from export import pipeline
from export.errors import ConversionError
from export.formats import PRIMARY
from export.formats.onnx import ONNX
from export.model import signature
from export.model.loading import model_file
from export.recipe import Recipe
from export.scheme import FLOAT32, INT8
from zoo.errors import UsageProblemError


@pytest.fixture
def exported(tmp_path: Path) -> tuple[Any, Path]:
    """A model with two inputs and two outputs of the same shapes, and the folder that `model.export` wrote."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    left, right = keras.Input((6,), name="right_one"), keras.Input((6,), name="a_left_one")
    x = layers.Dense(8, activation="relu")(layers.Subtract()([left, right]))
    model = keras.Model([left, right], {"z": layers.Dense(3)(x), "b": layers.Dense(3)(x)})
    model.export(tmp_path / "folder", verbose=False)
    return model, tmp_path / "folder"


def rows() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {name: random.normal(size=(60, 6)).astype(np.float32) for name in ("right_one", "a_left_one")}


def test_inputs_and_outputs_are_not_swapped(exported: tuple[Any, Path]) -> None:
    model, folder = exported
    loaded = model_file.load(folder).model
    data = rows()
    expected = model([data["right_one"], data["a_left_one"]])
    found = loaded([data[spec.name] for spec in signature.inputs(loaded)])
    for spec, values in zip(signature.outputs(loaded), found, strict=True):
        np.testing.assert_allclose(values, expected[spec.name], rtol=1e-5, atol=1e-6)


def test_every_file_is_proven_and_the_table_says_how_the_folder_was_read(
    exported: tuple[Any, Path], tmp_path: Path
) -> None:
    np.savez(tmp_path / "rows.npz", **rows())
    recipe = Recipe(
        model=str(exported[1]), calibration=str(tmp_path / "rows.npz"), schemes=(FLOAT32, INT8), out=tmp_path / "out"
    )
    delivery = pipeline.run(recipe)
    assert delivery.passed
    assert len(delivery.manifest["files"]) == 4
    assert "without reconstruction" in delivery.manifest["notes"][0]


def test_layers_that_cannot_be_restored_do_not_prevent_the_export(tmp_path: Path) -> None:
    import tf_keras

    class Doubling(tf_keras.layers.Layer):  # type: ignore[misc]
        def call(self, values: Any) -> Any:
            return values * 2.0

    values = tf_keras.Input((4,), name="values")
    old = tf_keras.Model(values, tf_keras.layers.Dense(2)(Doubling()(values)))
    old.save(tmp_path / "folder", save_format="tf")
    loaded = model_file.load(tmp_path / "folder")
    row = np.ones((3, 4), np.float32)
    np.testing.assert_allclose(np.reshape(loaded.model(row), (3, 2)), old(row), rtol=1e-5)
    assert "its signature is exported as one layer" in loaded.notes[0]


def test_a_folder_without_a_signature_is_refused(tmp_path: Path) -> None:
    import tensorflow as tf

    tf.saved_model.save(tf.Module(), str(tmp_path / "folder"))
    with pytest.raises(UsageProblemError, match="without the signature serving_default"):
        model_file.load(tmp_path / "folder")


def test_signature_with_dropout_in_a_loop_keeps_no_random_numbers(tmp_path: Path) -> None:
    """Keras assigns the state of random numbers in inference, too; a variable that is assigned cannot be a constant."""
    keras.utils.set_random_seed(0)
    x = keras.Input((6, 3), name="x")
    model = keras.Model(x, keras.layers.Dense(2)(keras.layers.LSTM(4, dropout=0.2, recurrent_dropout=0.1)(x)))
    model.export(str(tmp_path / "saved"), verbose=False)
    loaded = model_file.load(tmp_path / "saved")
    values = np.random.default_rng(0).normal(size=(1, 6, 3)).astype(np.float32)
    np.testing.assert_allclose(np.asarray(loaded.model(values)), np.asarray(model(values)), atol=1e-6)
    proto = onnx.load_from_string(ONNX.convert(loaded.model))
    assert [size.dim_value for size in proto.graph.output[0].type.tensor_type.shape.dim] == [1, 2]
    with pytest.raises(ConversionError, match=r"type --format onnx|save the Keras model"):
        PRIMARY.convert(loaded.model)
