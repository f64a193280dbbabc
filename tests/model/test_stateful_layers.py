"""A model with stateful recurrent layers is exported as one that starts from zeros in every call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from export.formats import PRIMARY
from export.formats.tflite import flatbuffer
from export.model.loading import model_file

STACKS: dict[str, Callable[[Any], Any]] = {
    "GRU": lambda x: layers.GRU(4, stateful=True, name="own")(x),
    "Bidirectional": lambda x: layers.Bidirectional(layers.LSTM(4, stateful=True))(x),
    "cells": lambda x: layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)], stateful=True, name="own")(x),
    "beside another": lambda x: layers.GRU(4, stateful=True, name="own")(layers.LSTM(5, return_sequences=True)(x)),
}


@pytest.mark.parametrize("name", STACKS)
def test_outputs_are_those_of_the_first_call(name: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    x = keras.Input((6, 3), batch_size=8, name="x")
    model = keras.Model(x, layers.Dense(2)(STACKS[name](x)))
    model.save(tmp_path / "own.keras")
    loaded = model_file.load(tmp_path / "own.keras")
    values = np.random.default_rng(0).normal(size=(8, 6, 3)).astype(np.float32)
    expected = np.asarray(model(values))
    for _ in range(2):
        np.testing.assert_allclose(np.asarray(loaded.model(values)), expected, atol=1e-6)
    assert loaded.model.inputs[0].shape == (None, 6, 3)
    assert any("the files start from zeros in every call" in note for note in loaded.notes)


DROPOUT: dict[str, Callable[[Any], Any]] = {
    "LSTM": lambda x: layers.LSTM(4, dropout=0.2, recurrent_dropout=0.1, name="own")(x),
    "Bidirectional": lambda x: layers.Bidirectional(layers.GRU(4, dropout=0.2))(x),
    "cells": lambda x: layers.RNN([layers.LSTMCell(4, dropout=0.5), layers.GRUCell(3)], name="own")(x),
    "nested": lambda x: keras.Sequential([keras.Input((6, 3)), layers.SimpleRNN(4, recurrent_dropout=0.2)])(x),
}


@pytest.mark.parametrize("name", DROPOUT)
def test_dropout_of_recurrent_layers_leaves_no_random_numbers_in_the_files(name: str, tmp_path: Path) -> None:
    """Keras draws masks in inference, too, so that files would assign the state of the random numbers in every call."""
    keras.utils.set_random_seed(0)
    x = keras.Input((6, 3), name="x")
    model = keras.Model(x, layers.Dense(2)(DROPOUT[name](x)))
    model.save(tmp_path / "own.keras")
    loaded = model_file.load(tmp_path / "own.keras")
    assert loaded.notes == ()
    values = np.random.default_rng(0).normal(size=(8, 6, 3)).astype(np.float32)
    np.testing.assert_allclose(np.asarray(loaded.model(values)), np.asarray(model(values)), atol=1e-6)
    file = flatbuffer.read(PRIMARY.convert(loaded.model))
    assert "ASSIGN_VARIABLE" not in {flatbuffer.op_name(file, one) for one in file.subgraphs[0].operators}
