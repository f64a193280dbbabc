"""A decoder that was not written here is exported as a file of whole texts, and its row says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.model.loading.causal_model import CACHE, about_cache
from export.pipeline import run
from export.recipe import Recipe
from export.scheme import FLOAT32, INT8_DYNAMIC

VOCABULARY, LENGTH, WIDTH = 60, 16, 32


def transformer(*, is_causal: bool = True, classes: bool = False) -> Any:
    """Return a small Transformer of Keras layers."""
    import keras
    from keras import layers

    tokens = keras.Input((LENGTH,), dtype="int32", name="tokens")
    x = layers.Embedding(VOCABULARY, WIDTH)(tokens)
    normal = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(2, WIDTH // 2)(normal, normal, use_causal_mask=is_causal)
    x = x + layers.Dense(WIDTH)(layers.Dense(4 * WIDTH, activation="gelu")(layers.LayerNormalization()(x)))
    x = layers.GlobalAveragePooling1D()(x) if classes else x
    return keras.Model(tokens, layers.Dense(VOCABULARY, name="scores")(x))


def lstm() -> Any:
    import keras
    from keras import layers

    tokens = keras.Input((LENGTH,), dtype="int32", name="tokens")
    x = layers.LSTM(8, return_sequences=True)(layers.Embedding(VOCABULARY, 8)(tokens))
    return keras.Model(tokens, layers.Dense(VOCABULARY)(x))


def test_models_that_score_next_tokens_are_recognised() -> None:
    assert about_cache(transformer()) == (CACHE,)
    assert about_cache(lstm()) == (CACHE,)
    assert about_cache(transformer(is_causal=False)) == ()
    assert about_cache(transformer(classes=True)) == ()


@pytest.mark.large
def test_a_decoder_of_keras_layers_is_proven_in_both_formats(tmp_path: Path) -> None:
    import keras

    keras.utils.set_random_seed(0)
    model = transformer()
    texts = (np.arange(LENGTH)[None] * np.arange(1, 5)[:, None] + np.arange(50)[:, None, None]).reshape(-1, LENGTH)
    texts = (texts % VOCABULARY).astype(np.int32)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(texts, np.roll(texts, -1, axis=1), epochs=30, verbose=0)
    model.save(tmp_path / "own.keras")
    np.savez(tmp_path / "tokens.npz", tokens=texts)
    delivery = run(
        Recipe(
            model=str(tmp_path / "own.keras"),
            schemes=(FLOAT32, INT8_DYNAMIC),
            calibration=str(tmp_path / "tokens.npz"),
            out=tmp_path / "out",
        )
    )
    assert [(file["format"], file["precision"]) for file in delivery.manifest["files"]] == [
        ("tflite", "float32"),
        ("onnx", "float32"),
        ("tflite", "int8_dynamic"),
        ("onnx", "int8_dynamic"),
    ]
    assert delivery.passed
    assert CACHE in delivery.manifest["notes"]
