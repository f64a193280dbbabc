"""Integers that the converter moves as floats stay integers, and sums of 16 bits run with any scales."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from keras import layers

from export.formats import PRIMARY
from export.formats.tflite import flatbuffer
from export.scheme import INT8, W8A16
from tests.export.own_export import exported, failures


def test_category_is_never_a_float(tmp_path: Path) -> None:
    day = keras.Input((1,), dtype="int32", name="day")
    model = keras.Model(day, layers.Dense(3, name="y")(layers.CategoryEncoding(4, output_mode="one_hot")(day)))
    content = PRIMARY.convert(model)
    parsed = flatbuffer.read(content)
    names = [flatbuffer.op_name(parsed, operator) for operator in parsed.subgraphs[0].operators]
    assert names.count("CAST") == 1  # to the int64 that ONE_HOT takes
    (tmp_path / "float.tflite").write_bytes(content)
    session = PRIMARY.open(tmp_path / "float.tflite")
    for number in range(4):
        one = np.array([[number]], np.int32)
        np.testing.assert_allclose(session.run({"day": one})["y"], np.asarray(model(one)), atol=1e-6)


def test_files_with_categories_are_proven(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    x, day = keras.Input((6,), name="x"), keras.Input((1,), dtype="int32", name="day")
    joined = layers.Concatenate()([x, layers.CategoryEncoding(4, output_mode="one_hot")(day)])
    model = keras.Model([x, day], layers.Dense(2, name="y")(layers.Dense(8, activation="relu")(joined)))
    random = np.random.default_rng(0)
    inputs = {"x": random.normal(size=(120, 6)).astype(np.float32), "day": random.integers(0, 4, (120, 1), np.int32)}
    delivery = exported(model, inputs, tmp_path, (INT8, W8A16))
    assert failures(delivery) == []
    sqnr_db = [one["sqnr_db"] for file in delivery.manifest["files"] for one in file["comparisons"].values()]
    assert min(sqnr_db) > 25


def test_difference_of_16_bits_runs_with_scales_that_are_powers_of_two(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    image = keras.Input((6, 6, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same")(image / 127.5 - 1.0)  # zeros around the image: not folded
    model = keras.Model(image, layers.Dense(3, name="y")(layers.Flatten()(x)))
    values = np.random.default_rng(0).choice([0.0, 60.0, 130.0, 255.0], (120, 6, 6, 3)).astype(np.float32)
    assert failures(exported(model, {"image": values}, tmp_path, (W8A16,))) == []
