"""Models of other float types, and models that Keras quantized, become float32 models with the same weight values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.model.loading import model_file
from zoo.errors import UsageProblemError


@pytest.fixture(autouse=True)
def _policy_of_every_test() -> Iterator[None]:
    import keras

    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")


def series_net(policy: str) -> Any:
    import keras
    from keras import layers

    keras.config.set_dtype_policy(policy)
    inner = keras.Sequential([keras.Input((12, 3)), layers.Conv1D(8, 3, activation="relu")], name="inner")
    steps = keras.Input((12, 3), name="steps")
    x = layers.Bidirectional(layers.LSTM(4, recurrent_initializer="he_normal"))(
        layers.BatchNormalization()(inner(steps))
    )
    model = keras.Model(steps, layers.Dense(3, activation="softmax", name="kind")(x))
    keras.config.set_dtype_policy("float32")
    return model


def all_types(model: Any) -> set[str]:
    layers = [layer for layer in model._flatten_layers() if not layer._layers]
    return {layer.compute_dtype for layer in layers} | {str(one.dtype) for one in (*model.weights, *model.outputs)}


@pytest.mark.parametrize("policy", ["float16", "bfloat16", "mixed_float16", "mixed_bfloat16", "float64"])
def test_policy_becomes_float32_and_the_weights_keep_their_values(policy: str, tmp_path: Path) -> None:
    model = series_net(policy)
    model.save(tmp_path / "own.keras")
    loaded = model_file.load(tmp_path / "own.keras").model
    assert all_types(loaded) == {"float32"}
    for old, new in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(np.asarray(old.value, np.float32), np.asarray(new.value), rtol=1e-7)
    steps = np.random.default_rng(0).normal(size=(5, 12, 3)).astype(np.float32)
    tolerance = {"float64": 1e-5, "float16": 5e-3, "mixed_float16": 5e-3}.get(policy, 5e-2)
    np.testing.assert_allclose(np.asarray(model(steps), np.float32), loaded(steps), atol=tolerance)


def test_pure_float16_is_noted_and_mixed_precision_is_not(tmp_path: Path) -> None:
    series_net("float16").save(tmp_path / "own.keras")
    assert "computes in float16" in model_file.load(tmp_path / "own.keras").notes[0]
    series_net("mixed_float16").save(tmp_path / "own.keras")
    assert model_file.load(tmp_path / "own.keras").notes == ()


def quantized_net(tmp_path: Path, mode: str) -> tuple[Any, Path]:
    import keras
    from keras import layers

    tokens = keras.Input((6,), dtype="int32", name="tokens")
    x = layers.EinsumDense("abc,cd->abd", (6, 8), bias_axes="d", activation="relu")(layers.Embedding(20, 8)(tokens))
    model = keras.Model(tokens, layers.Dense(3)(layers.Flatten()(x)))
    floats = keras.models.clone_model(model)
    floats.set_weights(model.get_weights())
    model.quantize(mode)
    model.save(tmp_path / "own.keras")
    return floats, tmp_path / "own.keras"


def test_a_model_that_keras_quantized_to_int8_is_taken_back_to_floats(tmp_path: Path) -> None:
    floats, path = quantized_net(tmp_path, "int8")
    loaded = model_file.load(path)
    assert all_types(loaded.model) == {"float32"}
    tokens = np.random.default_rng(0).integers(0, 20, (16, 6))
    expected, found = np.asarray(floats(tokens)), np.asarray(loaded.model(tokens))
    assert np.abs(expected - found).max() < 0.02 * np.abs(expected).max()
    assert "was quantized by Keras (int8_from_float32)" in loaded.notes[0]


def test_a_model_that_keras_quantized_to_4_bits_is_refused_with_what_to_do(tmp_path: Path) -> None:
    _, path = quantized_net(tmp_path, "int4")
    with pytest.raises(UsageProblemError, match="export the model as it was before model"):
        model_file.load(path)


@pytest.mark.parametrize(("overflows", "dtype"), [(False, "float32"), (True, "uint8")])
def test_pictures_of_bytes_become_floats_unless_their_arithmetic_would_change(
    overflows: bool, dtype: str, tmp_path: Path
) -> None:
    import keras
    from keras import layers

    image = keras.Input((8, 8, 3), dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255)(image + image if overflows else image)
    keras.Model(image, layers.Conv2D(2, 3)(x)).save(tmp_path / "own.keras")
    assert str(model_file.load(tmp_path / "own.keras").model.inputs[0].dtype) == dtype
