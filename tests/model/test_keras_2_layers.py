"""Every layer of Keras 2 that Keras 3 has too is converted with the same outputs, by its default arguments."""

from __future__ import annotations

import inspect
from typing import Any

import keras
import pytest
import tf_keras
from tf_keras import layers

from export.model.loading.keras2 import same_outputs
from export.model.loading.keras2.convert import converted
from export.model.loading.keras2.errors import ConversionError
from export.model.loading.keras2.layers import converted_layer

# Values of the arguments without a default.
REQUIRED: dict[str, Any] = {
    "activation": "relu",
    "axes": -1,
    "bin_boundaries": [0.0, 1.0],
    "cell": layers.LSTMCell(3),
    "cells": [layers.LSTMCell(3), layers.GRUCell(2)],
    "dims": (2, 1),
    "equation": "abc,cd->abd",
    "factor": 0.1,
    "filters": 4,
    "function": tf_keras.activations.relu,
    "height": 4,
    "height_factor": 0.1,
    "input_dim": 5,
    "kernel_size": 2,
    "key_dim": 3,
    "layer": layers.LSTM(3, return_sequences=True),
    "max_value": 3,
    "n": 2,
    "num_bins": 3,
    "num_heads": 2,
    "output_dim": 4,
    "output_shape": (None, 4),
    "rate": 0.1,
    "scale": 0.5,
    "size": 2,
    "stddev": 0.1,
    "target_shape": (-1,),
    "units": 4,
    "width": 4,
    "width_factor": 0.1,
}
OPTIONS: dict[str, dict[str, Any]] = {
    "CategoryEncoding": {"num_tokens": 3},
    "Discretization": {"bin_boundaries": [0.0, 1.0]},
    "GroupNormalization": {"groups": 3},
    "IntegerLookup": {"vocabulary": [1, 2]},
    "Normalization": {"mean": [0.5], "variance": [2.0]},
    "StringLookup": {"vocabulary": ["a"]},
    "TextVectorization": {"vocabulary": ["a"]},
    "TimeDistributed": {"layer": layers.Dense(3)},
}
ALL = [
    name
    for name, kind in vars(layers).items()
    if inspect.isclass(kind)
    and issubclass(kind, layers.Layer)
    and kind.__name__ == name
    and hasattr(keras.layers, name)
    and name not in {"InputLayer", "Layer", "Wrapper"}
]
# Cells are parts of a layer; tf_keras cannot build SpectralNormalization; the others take words or integers, or return
# another size in Keras 3.
WITHOUT_OUTPUTS = {
    "SpectralNormalization",
    "CategoryEncoding",
    "Embedding",
    "HashedCrossing",
    "Hashing",
    "IntegerLookup",
    "RandomCrop",
} | {name for name in ALL if name.startswith(("String", "Text", "StackedRNN")) or name.endswith("Cell")}
PAIRS = {"Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"}


def made(name: str) -> layers.Layer:
    kind = getattr(layers, name)
    parameters = inspect.signature(kind.__init__).parameters
    needed = {key: REQUIRED[key] for key, one in parameters.items() if one.default is one.empty and key in REQUIRED}
    return kind(**{**needed, **OPTIONS.get(name, {})})


def model_of(name: str) -> tf_keras.Model:
    layer = made(name)
    rank = next((int(digit) for digit in "123" if f"{digit}D" in name), 0)
    shape = ((6, 3), (6, 3), (6, 6, 3), (6, 6, 6, 3))[rank]
    if name.startswith("ConvLSTM"):
        shape = (2, *shape)
    if name in {"CenterCrop", "GroupNormalization", "Resizing"} or name.startswith("Random"):
        shape = (6, 6, 3)
    if name == "RepeatVector":
        shape = (6,)
    one, other = tf_keras.Input(shape), tf_keras.Input(shape)
    if name in PAIRS or name in {"AdditiveAttention", "Attention"}:
        return tf_keras.Model([one, other], layer([one, other]))
    return tf_keras.Model(one, layer(one, one) if name == "MultiHeadAttention" else layer(one))


@pytest.mark.parametrize("name", [name for name in ALL if name != "Normalization"])  # only a built one is converted
def test_every_layer_of_keras_2_is_created_in_keras_3(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for generators in (False, True):
        monkeypatch.setattr(tf_keras.src.backend, "_USE_GENERATOR_FOR_RNG", generators)
        assert isinstance(converted_layer(made(name)), keras.layers.Layer)


@pytest.mark.parametrize("name", [name for name in ALL if name not in WITHOUT_OUTPUTS])
def test_layer_has_the_outputs_of_keras_2(name: str) -> None:
    tf_keras.utils.set_random_seed(0)
    old = model_of(name)
    assert same_outputs.check(old, converted(old)) < 1e-5


def test_argument_that_keras_3_does_not_have_is_refused_unless_it_has_its_default() -> None:
    layer = layers.MultiHeadAttention(2, 3, softmax_robust_masking=True)
    with pytest.raises(ConversionError, match="no argument softmax_robust_masking=True of MultiHeadAttention"):
        converted_layer(layer)
