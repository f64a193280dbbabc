"""`--streaming` exports one step of a recurrent model, proven over whole sequences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from export import pipeline
from export.proof import output_checks, streaming
from export.recipe import Recipe
from export.scheme import FLOAT32, INT8, W8A16
from tests.export.own_export import exported, failures, saved
from zoo.errors import UsageProblemError

STEPS = 9


def spotter() -> tuple[keras.Model, np.ndarray]:
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    x = keras.Input((STEPS, 3), name="audio")
    y = layers.Conv1D(6, 3, padding="causal", activation="relu")(x)
    model = keras.Model(x, layers.Dense(4, name="word")(layers.LSTM(5, name="memory")(y)))
    return model, np.random.default_rng(0).normal(size=(120, STEPS, 3)).astype(np.float32)


def test_the_files_of_one_step_are_proven_over_sequences_and_wrong_states_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    original = output_checks.streaming.check

    def check(path: Path, stream: Any, scheme: Any, kinds: Any) -> Any:
        first, second = stream.state["memory_state0"], stream.state["memory_state1"]
        swapped = {**stream.state, "memory_state0": second, "memory_state1": first}
        seen.append((scheme, original(path, replace(stream, state=swapped), scheme, kinds)))
        return original(path, stream, scheme, kinds)

    monkeypatch.setattr(streaming, "check", check)
    model, values = spotter()
    delivery = exported(model, {"audio": values}, tmp_path, (FLOAT32, INT8, W8A16), streaming=True)
    assert failures(delivery) == []
    manifest = delivery.manifest
    assert manifest["name"] == "own-streaming"
    assert manifest["state"] == {
        "conv1d_state0": "conv1d_next_state0",
        "memory_state0": "memory_next_state0",
        "memory_state1": "memory_next_state1",
    }
    for file in manifest["files"]:
        assert "stream" in {check["id"] for check in file["checks"]}
        assert [spec["name"] for spec in file["inputs"]] == ["audio", *manifest["state"]]
    assert len(seen) == 6
    assert all(not result.passed for _, results in seen for result in results[:1])


def test_streaming_with_data_of_whole_sequences_only_is_refused() -> None:
    with pytest.raises(UsageProblemError, match="--streaming cannot be combined with"):
        Recipe(model="own.keras", streaming=True, evaluate="rows.npz")


class Steps:
    """Progress that records its steps."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def step(self, what: str, done: int | None = None, total: int | None = None) -> None:
        self.seen.append(what)


def backward_lstm(x: Any) -> Any:
    return layers.Bidirectional(layers.LSTM(4))(x)


def pooled_lstm(x: Any) -> Any:
    return layers.GlobalAveragePooling1D()(layers.LSTM(4, return_sequences=True)(x))


def without_state(x: Any) -> Any:
    return layers.Conv1D(4, 3)(x)


@pytest.mark.parametrize(
    ("body", "before"),
    [
        (backward_lstm, ["build the model"]),
        (without_state, ["build the model"]),
        (pooled_lstm, ["build the model", "draw the samples", "build the streaming form"]),
    ],
)
def test_a_model_that_cannot_be_streamed_is_refused_before_slow_work(
    body: Callable[[Any], Any], before: list[str], tmp_path: Path
) -> None:
    keras.backend.clear_session()
    x = keras.Input((STEPS, 3), name="audio")
    model = keras.Model(x, layers.Dense(4)(body(x)))
    values, steps = np.random.default_rng(0).normal(size=(120, STEPS, 3)).astype(np.float32), Steps()
    recipe = saved(model, {"audio": values}, tmp_path, (FLOAT32, INT8), streaming=True)
    with pytest.raises(UsageProblemError, match="--streaming"):
        pipeline.run(recipe, steps)
    assert steps.seen == before
