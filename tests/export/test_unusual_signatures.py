"""Models with unusual inputs and outputs: bytes beside numbers, an input that is an output, an output listed twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from export.cli.main import main
from export.formats import FORMATS
from export.scheme import FLOAT32, INT8, W8A16
from tests.export.own_export import exported, failures


@pytest.fixture(autouse=True)
def _same_weights_in_every_run() -> None:
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)


def pictures(count: int = 120) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 10, 10, 3)).astype(np.uint8)


def head(picture: Any) -> Any:
    scaled = ops.cast(picture, "float32") / 127.5 - 1
    return layers.GlobalAveragePooling2D()(layers.Conv2D(6, 3, activation="relu")(scaled))


def test_bytes_of_a_uint8_input_beside_numbers_are_its_values(tmp_path: Path) -> None:
    picture, price = keras.Input((10, 10, 3), dtype="uint8", name="picture"), keras.Input((2,), name="price")
    model = keras.Model([picture, price], layers.Dense(3)(layers.Concatenate()([head(picture), price])))
    prices = np.random.default_rng(1).random((120, 2), np.float32)
    delivery = exported(model, {"picture": pictures(), "price": prices}, tmp_path, (FLOAT32, INT8))
    assert failures(delivery) == []
    assert any("'picture' is uint8 in Keras" in note for note in delivery.manifest["notes"])


def test_a_model_of_bytes_alone_takes_photos_without_normalisation(tmp_path: Path) -> None:
    picture = keras.Input((10, 10, 3), dtype="uint8", name="picture")
    model = keras.Model(picture, layers.Dense(3)(head(picture)))
    delivery = exported(model, {"picture": pictures()}, tmp_path, (INT8,))
    assert failures(delivery) == []
    assert delivery.manifest["inputs"]["picture"]["kind"] == "photo"
    assert all(file["takes_camera_bytes"] for file in delivery.manifest["files"])


def test_an_input_may_be_an_output_and_an_output_may_be_listed_twice(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(120, 8)).astype(np.float32)
    signal = keras.Input((8,), name="signal")
    found = layers.Dense(3, name="scores")(layers.Dense(12, activation="relu")(signal))
    model = keras.Model(signal, [signal, found, found])
    delivery = exported(model, {"signal": values}, tmp_path, (FLOAT32, INT8, W8A16))
    assert failures(delivery) == []
    assert "the model lists the output 'scores' more than once; the files have it once" in delivery.manifest["notes"]
    assert delivery.folder is not None
    for record in delivery.manifest["files"]:
        assert [spec["name"] for spec in record["outputs"]] == ["signal_2", "scores"]
        session = FORMATS[record["format"]].open(delivery.folder / record["file"])
        outputs = session.run({"signal": values[:1]})
        np.testing.assert_allclose(outputs["signal_2"], values[:1], atol=0.03)
    assert main(["verify", str(delivery.folder)]) == 0
