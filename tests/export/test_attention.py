"""Transformers lose nothing to the rounding of their weights: the projections of attention are reconstructed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from export.bundle.report.rows import rows
from export.scheme import INT8, W8A16
from tests.export.own_export import exported

PATCHES, WIDTH = 16, 16


def einsums(x: Any) -> Any:
    """Return attention from EinsumDense layers, without a layer of attention."""
    query, key, value = (layers.EinsumDense("abc,cde->abde", (PATCHES, 4, 4), bias_axes="de")(x) for _ in range(3))
    weights = ops.softmax(ops.einsum("bqhd,bkhd->bhqk", query, key) / 2.0)
    mixed = ops.einsum("bhqk,bkhd->bqhd", weights, value)
    return layers.EinsumDense("abcd,cde->abe", (PATCHES, WIDTH), bias_axes="e")(mixed)


def attention(x: Any) -> Any:
    return layers.MultiHeadAttention(4, 4)(x, x)


def vision_transformer(attend: Any, photos: Any, kinds: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    photo = keras.Input((16, 16, 1), name="photo")
    x = layers.Reshape((PATCHES, WIDTH))(layers.Conv2D(WIDTH, 4, strides=4)(layers.Rescaling(1 / 255)(photo)))
    x = x + layers.Embedding(PATCHES, WIDTH)(ops.arange(PATCHES))
    for _ in range(2):
        x = x + attend(layers.LayerNormalization()(x))
        x = x + layers.Dense(WIDTH)(layers.Dense(2 * WIDTH, activation="gelu")(layers.LayerNormalization()(x)))
    model = keras.Model(photo, layers.Dense(4, name="kind")(layers.LayerNormalization()(x)[:, 0]))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(photos, kinds, batch_size=16, epochs=6, verbose=0)
    return model


@pytest.mark.large
@pytest.mark.parametrize("attend", [einsums, attention])
def test_weights_of_a_vision_transformer_cost_less_with_reconstruction(attend: Any, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    kinds = generator.integers(0, 4, 260)
    photos = generator.normal(110, 25, (260, 16, 16, 1))
    for photo, kind in zip(photos, kinds, strict=True):
        photo[4 * kind : 4 * kind + 4, 4:12] += 90
    photos = np.clip(photos, 0, 255).astype(np.float32)
    model = vision_transformer(attend, photos, kinds)
    found = {}
    for name, settings in {"with": {}, "without": {"reconstruct": False}}.items():
        (tmp_path / name).mkdir()
        made = exported(model, {"photo": photos}, tmp_path / name, (INT8, W8A16), formats=("tflite",), **settings)
        found[name] = {row.scheme: float(row.sqnr) for row in rows(made.manifest)}
    # Activations of 8 bits hide most of what the weights cost, and move the SQNR by some tenths of a decibel.
    assert found["with"]["int8"] > found["without"]["int8"] - 0.5
    assert found["with"]["w8a16"] > found["without"]["w8a16"] + 3
