"""Replacing weights in a float file gives the bytes of a new conversion, or is rejected."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from export.formats.tflite import TFLITE, flatbuffer
from export.formats.tflite.layers import layers as stored_layers
from export.passes.fold import fold
from export.passes.integer_model import _weights


def network(seed: int, *, factor: float | None = None) -> keras.Model:
    keras.utils.set_random_seed(seed)
    image = keras.Input((8, 8, 3), name="image")
    x = layers.ReLU(6.0)(layers.BatchNormalization(name="bn")(layers.Conv2D(6, 3, padding="same", name="conv")(image)))
    x = layers.DepthwiseConv2D(3, bias_initializer="normal", name="depthwise")(x)
    x = layers.SeparableConv2D(6, 3, bias_initializer="normal", name="separable")(x)
    x = layers.Conv2DTranspose(4, 2, strides=2, bias_initializer="normal", name="transposed")(x)
    first = layers.Conv2D(4, 1, bias_initializer="normal", name="first")
    x = first(x)
    other = layers.Conv2D(4, 1, bias_initializer="normal", name="other")
    x = other(x)
    if factor is not None:
        other.set_weights([factor * weights for weights in first.get_weights()])
    x = layers.Dense(5, bias_initializer="normal", name="dense")(layers.Flatten()(x))
    model = keras.Model(image, x)
    norm = model.get_layer("bn")
    generator = np.random.default_rng(seed)
    norm.set_weights([generator.uniform(0.5, 1.5, weights.shape) for weights in norm.get_weights()])
    return model


def constants(content: bytes) -> list[Any]:
    file = flatbuffer.read(content)
    return [flatbuffer.constant(file, tensor) for one in stored_layers(file) for tensor in (one.weights, one.bias)]


def test_reweighed_file_equals_a_new_conversion() -> None:
    one, other = fold(network(0)), fold(network(1))
    before, after = _weights(one), _weights(other)
    reweighed = TFLITE.reweigh(TFLITE.convert(network(0)), before, after)
    assert reweighed is not None
    wanted = constants(TFLITE.convert(other))
    assert len(wanted) == 2 * len(before)
    for found, expected in zip(constants(reweighed), wanted, strict=True):
        assert np.abs(found - expected).max() <= 1e-6 * np.abs(expected).max()


def called_twice(seed: int) -> keras.Model:
    """Return a model of whose calls the converter scales one, so that only the other has the layer's own numbers."""
    keras.utils.set_random_seed(seed)
    image = keras.Input((8, 8, 3), name="image")
    layer = layers.Conv2D(4, 3, bias_initializer="normal", name="twice")
    return keras.Model(image, layers.Concatenate()([layer(layers.Rescaling(1 / 255)(image)), layer(1 - image)]))


def without_biases(seed: int) -> keras.Model:
    """Return a model of two layers whose biases are the same zeros, once in a converted file."""
    keras.utils.set_random_seed(seed)
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, name="one")(image)
    return keras.Model(image, layers.Conv2D(4, 3, name="other")(x))


UNCERTAIN = {
    "other weights": (lambda: network(0), lambda: network(2)),
    "two layers alike": (lambda: network(0, factor=1.0), lambda: network(0, factor=1.0)),
    "two layers nearly alike": (lambda: network(0, factor=1 + 2e-6), lambda: network(0, factor=1 + 2e-6)),
    "called twice": (lambda: called_twice(0), lambda: called_twice(0)),
    "a bias of two layers": (lambda: without_biases(0), lambda: without_biases(0)),
}


def test_file_with_an_additional_layer_is_not_reweighed() -> None:
    before = {name: weights for name, weights in _weights(fold(network(0))).items() if not name.startswith("dense")}
    assert len(before) == len(_weights(fold(network(0)))) - 1
    assert TFLITE.reweigh(TFLITE.convert(network(0)), before, before) is None


@pytest.mark.parametrize("wrong", UNCERTAIN)
def test_file_with_ambiguous_layers_is_not_reweighed(wrong: str) -> None:
    given, changed = (make() for make in UNCERTAIN[wrong])
    before = _weights(fold(changed))
    after = {name: (kernel * 2, bias + 1) for name, (kernel, bias) in before.items()}
    assert TFLITE.reweigh(TFLITE.convert(given), before, after) is None
