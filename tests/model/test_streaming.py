"""The streaming form of a model gives on one step after the other what the model gives on the whole sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from calibration.samples import Samples
from export.model import reference
from export.model.streaming import steps
from export.model.streaming.step_model import StepModel, step_model
from zoo.errors import UsageProblemError

STEPS = 7
Network = Callable[[Any], Any]


def dilated(x: Any) -> Any:
    for dilation in (1, 2):
        y = layers.Conv1D(4, 3, padding="causal", dilation_rate=dilation, activation="relu")(x)
        x = layers.Add()([x, y])
    return layers.Dense(2)(x[:, -1])


def stacked(x: Any) -> Any:
    x = layers.LSTM(5, return_sequences=True)(layers.LayerNormalization()(x))
    return layers.GRU(4)(layers.TimeDistributed(layers.Dense(6))(x))


def nested(x: Any) -> Any:
    return keras.Sequential([keras.Input((STEPS, 4)), layers.Dense(3), layers.SimpleRNN(4)])(x)


def every(x: Any) -> Any:
    return layers.GRU(3, return_sequences=True)(x)


STREAMED: dict[str, Network] = {
    "LSTM": lambda x: layers.Dense(3)(layers.LSTM(5)(x)),
    "every step": lambda x: layers.Dense(3)(layers.GRU(5, return_sequences=True)(x)),
    "stacked": stacked,
    "last step": lambda x: layers.Dense(2)(layers.LSTM(3, return_sequences=True)(x)[:, -1]),
    "cells": lambda x: layers.RNN([layers.LSTMCell(3), layers.GRUCell(4)])(x),
    "nested": nested,
    "states": lambda x: layers.Concatenate()(layers.LSTM(4, return_state=True)(x)[1:]),
    "causal convolutions": dilated,
    "recurrent convolutions": lambda x: layers.ConvLSTM1D(3, 3)(layers.Reshape((STEPS, 4, 1))(x)),
}
REFUSED: dict[str, tuple[Network, str]] = {
    "bidirectional": (lambda x: layers.Bidirectional(layers.LSTM(3), name="both")(x), "both .* yet to come"),
    "backwards": (lambda x: layers.LSTM(3, go_backwards=True, name="back")(x), "back .* runs backwards"),
    "same": (lambda x: layers.LSTM(3)(layers.Conv1D(4, 3, padding="same", name="wide")(x)), "wide .* several steps"),
    "pooled": (lambda x: layers.GlobalAveragePooling1D(name="mean")(every(x)), "mean .* several steps"),
    "flat": (lambda x: layers.Dense(2, name="all")(layers.Flatten()(every(x))), "all .* cannot compute"),
    "over time": (lambda x: layers.GRU(3)(layers.Softmax(axis=1, name="shares")(x)), "shares .* several steps"),
    "normalized over time": (lambda x: layers.LayerNormalization(axis=1, name="norm")(every(x)), "norm .* single step"),
    "no state": (lambda x: layers.Dense(2)(layers.Flatten()(x)), "no layer with a state"),
    "strided": (lambda x: layers.GRU(2)(layers.Conv1D(2, 3, 2, padding="causal", name="fast")(x)), "fast .* skips"),
}


def made(network: Network) -> tuple[keras.Model, Samples]:
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    x = keras.Input((STEPS, 4), name="series")
    values = np.random.default_rng(0).normal(size=(6, STEPS, 4)).astype(np.float32)
    return keras.Model(x, network(x)), Samples(inputs={"series": values}, source="tests", seed=0)


def streamed(form: StepModel, sequences: Samples) -> list[np.ndarray]:
    """Return the first output after every step, by hand."""
    found, states = [], dict.fromkeys(form.state, 0.0)
    names = [tensor.name for tensor in form.model.inputs]
    shapes = {tensor.name: (len(sequences), *tensor.shape[1:]) for tensor in form.model.inputs}
    for number in range(STEPS):
        given = {"series": sequences.inputs["series"][:, number : number + 1], **states}
        values = [np.broadcast_to(np.asarray(given[name], np.float32), shapes[name]) for name in names]
        first, *after = form.model(values)
        found.append(np.asarray(first))
        states = dict(zip(form.state, map(np.asarray, after), strict=True))
    return found


def cases(kinds: Iterable[str], quick: set[str]) -> list[Any]:
    return [pytest.param(kind, marks=() if kind in quick else pytest.mark.large) for kind in kinds]


@pytest.mark.parametrize("kind", cases(STREAMED, {"LSTM", "every step", "causal convolutions", "states"}))
def test_steps_give_what_the_sequence_gives(kind: str) -> None:
    model, sequences = made(STREAMED[kind])
    form = step_model(model)
    steps.check(form, sequences)
    found = streamed(form, sequences)
    (expected,) = reference.outputs(model, sequences).values()
    actual = np.concatenate(found, axis=1) if kind == "every step" else found[-1]
    np.testing.assert_allclose(actual, expected, atol=1e-5)


@pytest.mark.parametrize("kind", cases(REFUSED, {"bidirectional", "same", "flat", "normalized over time", "no state"}))
def test_layers_that_need_several_steps_are_refused_by_name(kind: str) -> None:
    network, message = REFUSED[kind]
    model, sequences = made(network)
    with pytest.raises(UsageProblemError, match=message):
        steps.check(step_model(model), sequences)


def test_rows_are_steps_with_the_state_before_them() -> None:
    model, sequences = made(STREAMED["LSTM"])
    form = step_model(model)
    rows = steps.rows(form, sequences, 20, seed=0)
    assert len(rows) == 20
    assert len(steps.rows(form, sequences, 1000, seed=0)) == 6 * STEPS
    first = (rows.inputs["lstm_state0"] == 0).all(1)
    assert 0 < first.sum() < 20
    values = sequences.inputs["series"]
    assert all(any(np.array_equal(row, step) for step in values[:, 0]) for row in rows.inputs["series"][first][:, 0])
