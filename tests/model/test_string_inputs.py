"""Layers that read text are cut off a model, which then takes their numbers; the vocabulary is delivered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export import pipeline
from export.model import signature
from export.model.loading import model_file
from export.recipe import Recipe
from zoo.errors import UsageProblemError
from zoo.inputs import Tokens

WORDS = ["red", "green", "blue", "hot", "cold"]


def text_net(reader: Any) -> Any:
    """Return a network of a text and of numbers."""
    import keras
    from keras import layers

    text, price = keras.Input((1,), dtype="string", name="text"), keras.Input((2,), name="price")
    read = layers.Flatten()(layers.Embedding(7, 4)(reader(text)))
    return keras.Model([text, price], layers.Dense(3)(layers.Concatenate()([read, price])))


@pytest.fixture
def vectorized(tmp_path: Path) -> tuple[Any, Path]:
    import keras

    keras.utils.set_random_seed(0)
    model = text_net(keras.layers.TextVectorization(output_sequence_length=3, vocabulary=WORDS, name="reader"))
    model.save(tmp_path / "own.keras")
    return model, tmp_path / "own.keras"


def test_the_model_behind_the_text_has_the_same_outputs(vectorized: tuple[Any, Path]) -> None:
    import tensorflow as tf

    model, path = vectorized
    loaded = model_file.load(path)
    specs = signature.inputs(loaded.model)
    assert [(spec.name, spec.shape, spec.dtype) for spec in specs] == [
        ("text", (1, 3), "int32"),
        ("price", (1, 2), "float32"),
    ]
    words, price = tf.constant([["red blue"], ["cold hot what"]]), tf.ones((2, 2))
    numbers = np.asarray(model.get_layer("reader")(words), np.int32)
    np.testing.assert_allclose(loaded.model([tf.constant(numbers), price]), model([words, price]), rtol=1e-5)
    assert loaded.contracts == {"text": Tokens(vocabulary=7)}
    assert loaded.companions["text-vocabulary.txt"].decode().split("\n")[2:-1] == WORDS
    assert "the files begin behind the layer 'reader' (TextVectorization)" in loaded.notes[0]


def test_the_export_delivers_the_vocabulary_and_says_where_the_files_begin(
    vectorized: tuple[Any, Path], tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    arrays = {"text": random.integers(0, 7, (30, 3)).astype(np.int32), "price": random.random((30, 2), np.float32)}
    np.savez(tmp_path / "data.npz", **arrays)
    delivery = pipeline.run(Recipe(model=str(vectorized[1]), calibration=str(tmp_path / "data.npz"), out=tmp_path))
    assert delivery.passed
    assert delivery.folder is not None
    assert (delivery.folder / "text-vocabulary.txt").read_text().split()[-1] == "cold"
    assert "text-vocabulary.txt lists the words" in delivery.manifest["notes"][0]
    assert delivery.manifest["inputs"]["text"] == {"kind": "tokens", "vocabulary": 7}


def test_data_that_is_text_still_is_refused_with_what_the_model_takes(
    vectorized: tuple[Any, Path], tmp_path: Path
) -> None:
    np.savez(tmp_path / "data.npz", text=np.zeros((9, 1), np.float32), price=np.zeros((9, 2), np.float32))
    with pytest.raises(UsageProblemError, match=r"takes int32 \(N, 3\), tokens, numbers from 0 to 6"):
        pipeline.run(Recipe(model=str(vectorized[1]), calibration=str(tmp_path / "data.npz"), out=tmp_path))


def test_text_that_two_layers_read_is_refused(tmp_path: Path) -> None:
    import keras
    from keras import layers

    text = keras.Input((1,), dtype="string", name="text")
    lookups = [layers.StringLookup(vocabulary=words) for words in (WORDS, WORDS[:2])]
    model = keras.Model(text, layers.Concatenate()([lookup(text) for lookup in lookups]))
    model.save(tmp_path / "own.keras")
    with pytest.raises(UsageProblemError, match="export the model behind the layers that read text"):
        model_file.load(tmp_path / "own.keras")
