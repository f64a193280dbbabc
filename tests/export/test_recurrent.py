"""Recurrent networks become int8 and w8a16 files in both formats, whatever the layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from calibration.samples import Samples
from export import passes, pipeline
from export.passes.unroll import Unroll, in_words, steps_of
from export.recipe import UNROLLED_STEPS
from export.scheme import INT8, W8A16, W8A32
from tests.export.own_export import exported, failures, saved

STEPS = 5


def series(*stack: keras.Layer, shape: tuple[int, ...] = (STEPS, 4)) -> keras.Model:
    x = y = keras.Input(shape, name="series")
    for layer in stack:
        y = layer(y)
    return keras.Model(x, layers.Dense(3, name="scores")(y))


def words(layer: keras.Layer) -> keras.Model:
    ids = keras.Input((STEPS,), dtype="int32", name="series")
    return keras.Model(ids, layers.Dense(3, name="scores")(layer(layers.Embedding(20, 6, mask_zero=True)(ids))))


def encoder_decoder() -> keras.Model:
    """A second layer that starts from the first one's state."""
    x = keras.Input((STEPS, 4), name="series")
    encoded, *state = layers.LSTM(6, return_state=True, return_sequences=True)(x)
    return keras.Model(x, layers.Dense(3, name="scores")(layers.LSTM(6)(encoded, initial_state=state)))


def nested() -> keras.Model:
    inner = keras.Sequential([keras.Input((STEPS, 4)), layers.GRU(6)], name="encoder")
    x = keras.Input((STEPS, 4), name="series")
    return keras.Model(x, layers.Dense(3, name="scores")(inner(x)))


KINDS: dict[str, Callable[[], keras.Model]] = {
    "LSTM": lambda: series(layers.LSTM(6)),
    "GRU": lambda: series(layers.GRU(6)),
    "GRU of the first kind": lambda: series(layers.GRU(6, reset_after=False)),
    "SimpleRNN": lambda: series(layers.SimpleRNN(6)),
    "stacked": lambda: series(layers.LSTM(6, return_sequences=True), layers.GRU(5)),
    "stacked of one kind": lambda: series(layers.GRU(6, return_sequences=True), layers.GRU(5)),
    "bidirectional": lambda: series(layers.Bidirectional(layers.LSTM(6))),
    "bidirectional sum": lambda: series(layers.Bidirectional(layers.GRU(6), merge_mode="sum")),
    "backwards": lambda: series(layers.LSTM(6, go_backwards=True)),
    "cells": lambda: series(layers.RNN([layers.LSTMCell(6), layers.GRUCell(5)])),
    "masked": lambda: series(layers.Masking(0.0), layers.LSTM(6)),
    "masked words": lambda: words(layers.GRU(6)),
    "convolutional": lambda: series(layers.ConvLSTM1D(3, 3), layers.Flatten(), shape=(STEPS, 6, 2)),
    "convolutional images": lambda: series(layers.ConvLSTM2D(3, 3), layers.Flatten(), shape=(STEPS, 5, 5, 1)),
    "every step": lambda: series(layers.LSTM(6, return_sequences=True), layers.TimeDistributed(layers.Dense(4))),
    "state as input": encoder_decoder,
    "nested": nested,
}


def made(kind: str) -> tuple[keras.Model, np.ndarray]:
    """Return a network with large weights, so that its gates saturate, and its inputs."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    model, rng = KINDS[kind](), np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(1.5 * variable.numpy())
    shape = (120, *model.inputs[0].shape[1:])
    if model.inputs[0].dtype == "int32":
        return model, rng.integers(1, 20, shape).astype(np.int32)
    return model, rng.normal(size=shape).astype(np.float32)


UNROLLED_QUICK = {"LSTM", "GRU", "masked words", "nested", "state as input", "convolutional"}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in UNROLLED_QUICK else pytest.mark.large) for kind in KINDS]
)
def test_unrolled_copy_has_no_loop_and_the_same_outputs(kind: str) -> None:
    model, values = made(kind)
    result = passes.apply(Unroll(), model, Samples(inputs={"series": values}, source="tests", seed=0))
    assert steps_of(model) != {}
    assert steps_of(result.model) == {}
    assert set(result.record.layers) == set(steps_of(model))
    np.testing.assert_allclose(model(values[:8]), result.model(values[:8]), atol=1e-5)


# The others run with the large tests.
QUICK = {"LSTM"}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in QUICK else pytest.mark.large) for kind in KINDS]
)
def test_integer_files_of_both_formats_are_proven(kind: str, tmp_path: Path) -> None:
    model, values = made(kind)
    delivery = exported(model, {"series": values}, tmp_path, (INT8, W8A16))
    assert failures(delivery) == []
    manifest = delivery.manifest
    files = [*manifest["files"], *manifest["not_delivered"]]
    integers = [file for file in files if file["precision"] != "float32"]
    assert len(integers) == 4
    assert all("unrolled: " in " ".join(file["notes"]) for file in integers)
    assert manifest["passes"][0]["name"] == "unroll"


@pytest.mark.large
@pytest.mark.parametrize("kind", KINDS)
def test_files_with_float_loops_are_proven(kind: str, tmp_path: Path) -> None:
    model, values = made(kind)
    delivery = exported(model, {"series": values}, tmp_path, (W8A32, INT8, W8A16), unroll=0)
    assert failures(delivery) == []


@pytest.mark.large
def test_files_without_ranges_keep_the_loop_whatever_else_is_requested(tmp_path: Path) -> None:
    model, values = made("LSTM")
    recipe, digests = saved(model, {"series": values}, tmp_path, (W8A32,)), []
    for schemes in ((W8A32,), (INT8, W8A32)):
        delivery = pipeline.run(replace(recipe, schemes=schemes))
        assert delivery.passed
        files = {file["file"]: file for file in delivery.manifest["files"]}
        digests.append([files[f"own-w8a32.{end}"]["sha256"] for end in ("tflite", "onnx")])
        assert "unrolled" not in " ".join(files["own-w8a32.tflite"]["notes"])
    assert digests[0] == digests[1]


def memory(steps: int) -> tuple[keras.Model, np.ndarray]:
    """Return a network with a long loop, `memory`, and a short one, `summary`, and its inputs."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    x = keras.Input((steps, 3), name="series")
    y = layers.GRU(5, return_sequences=True, name="memory")(layers.Dense(6, activation="relu")(x))
    y = layers.LSTM(4, name="summary")(layers.MaxPooling1D(steps // 3)(y))
    model = keras.Model(x, layers.Dense(3, name="scores")(layers.Dense(8, activation="relu")(y)))
    return model, np.random.default_rng(0).normal(size=(120, steps, 3)).astype(np.float32)


@pytest.mark.large
def test_a_loop_of_many_steps_stays_and_the_layers_around_it_are_integers(tmp_path: Path) -> None:
    model, values = memory(UNROLLED_STEPS + 1)
    delivery = exported(model, {"series": values}, tmp_path, (INT8, W8A16))
    assert failures(delivery) == []
    sentences = f"in a float loop with 8-bit weights: memory over {UNROLLED_STEPS + 1} steps"
    for file in delivery.manifest["files"]:
        if file["precision"] != "float32":
            assert sentences in file["notes"]
            assert "unrolled: summary over 3 steps" in file["notes"]
    arithmetic = {op["op"]: op["arithmetic"] for op in delivery.manifest["files"][2]["census"]}
    assert arithmetic["WHILE"] == "float"


@pytest.mark.large
@pytest.mark.parametrize("steps", [0, 5])
def test_the_longest_unrolled_loop_can_be_chosen(steps: int, tmp_path: Path) -> None:
    model, values = memory(9)
    delivery = exported(model, {"series": values}, tmp_path, (INT8,), unroll=steps)
    assert failures(delivery) == []
    parameters = delivery.manifest["passes"][0]["parameters"]
    assert parameters["steps"] == ({"summary": 3} if steps else {})
    assert set(parameters["loops"]) == ({"memory"} if steps else {"memory", "summary"})


def test_words_name_layers_and_steps() -> None:
    record = {"name": "unroll", "parameters": {"steps": {"lstm": 64, "gru": 32}, "loops": {"memory": 300}}}
    assert in_words([record, {"name": "fold"}]) == (
        "unrolled: lstm over 64 steps, gru over 32 steps",
        "in a float loop with 8-bit weights: memory over 300 steps",
    )
