"""The position of the largest or smallest number becomes one operator in both formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from export.errors import ConversionError
from export.formats import FORMATS, PRIMARY
from export.formats.onnx import float_file
from export.scheme import INT8
from tests.export.own_export import exported, failures

POSITIONS: dict[str, Callable[[Any], Any]] = {
    "argmax": lambda x: ops.argmax(x, axis=-1),
    "argmin": lambda x: ops.argmin(x, axis=-1),
    "argmax, first axis kept": lambda x: ops.argmax(x, axis=1, keepdims=True),
}


def network(name: str) -> keras.Model:
    keras.utils.set_random_seed(0)
    x = keras.Input((5,), name="x")
    scores = layers.Dense(7, name="scores")(x)
    return keras.Model(x, [POSITIONS[name](scores), scores])


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("name", POSITIONS)
def test_positions_are_those_of_keras(name: str, format_name: str, tmp_path: Path) -> None:
    model, chosen = network(name), FORMATS[format_name]
    path = tmp_path / f"file{chosen.suffix}"
    path.write_bytes(chosen.convert(model))
    session = chosen.open(path)
    for row in np.random.default_rng(0).normal(size=(20, 1, 5)).astype(np.float32):
        expected = np.asarray(model(row)[0])
        found = next(value for value in session.run({"x": row}).values() if np.issubdtype(value.dtype, np.integer))
        np.testing.assert_array_equal(found, expected)


def test_integer_files_with_positions_are_proven(tmp_path: Path) -> None:
    """The scores are an output and dequantized for ARG_MAX, too."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3), name="image")
    scores = layers.Dense(4, name="scores")(layers.Flatten()(layers.Conv2D(6, 3, activation="relu")(image)))
    model = keras.Model(image, [ops.argmax(scores, axis=-1), scores])
    values = np.random.default_rng(0).normal(size=(120, 8, 8, 3)).astype(np.float32)
    assert failures(exported(model, {"image": values}, tmp_path, (INT8,))) == []


def test_keras_still_compares_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise export/formats/patches.py is not needed any more."""
    from contextlib import nullcontext

    from export.formats.tflite import convert

    for module in (convert, float_file):
        monkeypatch.setattr(module, "positions_of_extremes_by_one_operator", nullcontext)
    with pytest.raises(ConversionError, match="BitwiseAnd"):
        PRIMARY.convert(network("argmax"))
