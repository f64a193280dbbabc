"""A subclassed model is exported by a call on the shapes of the calibration data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export import pipeline
from export.model.loading import model_file
from export.model.loading.static_sizes import Sizes
from export.recipe import Recipe
from export.scheme import FLOAT32, INT8
from zoo.errors import UsageProblemError

CODE = """
import keras


@keras.saving.register_keras_serializable("test_subclassed")
class Net(keras.Model):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.hidden = keras.layers.Dense(8, activation="relu")
        self.last = keras.layers.Dense(3)

    def call(self, inputs):
        values = inputs["left"] - inputs["right"] if isinstance(inputs, dict) else inputs
        return self.last(self.hidden(values))
"""


@pytest.fixture(autouse=True)
def _keras_as_before() -> Iterator[None]:
    import keras

    known = keras.saving.get_custom_objects()
    before = dict(known)
    yield
    known.clear()
    known.update(before)


def saved_net(tmp_path: Path, rows: Any) -> tuple[Any, Path, Path]:
    source = tmp_path / "net.py"
    source.write_text(CODE)
    space: dict[str, Any] = {}
    exec(CODE, space)
    model = space["Net"]()
    model(rows)
    model.save(tmp_path / "own.keras")
    return model, tmp_path / "own.keras", source


def test_one_input_is_exported_in_float32_and_int8(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(80, 6))
    _, path, source = saved_net(tmp_path, rows)
    np.save(tmp_path / "rows.npy", rows)
    recipe = Recipe(
        model=str(path),
        imports=(str(source),),
        calibration=str(tmp_path / "rows.npy"),
        schemes=(FLOAT32, INT8),
        out=tmp_path / "out",
    )
    delivery = pipeline.run(recipe)
    assert delivery.passed
    assert len(delivery.manifest["files"]) == 4
    assert "holds a Net, called on input" in delivery.manifest["notes"][1]


def test_several_inputs_are_passed_by_name(tmp_path: Path) -> None:
    rows = {name: np.random.default_rng(len(name)).normal(size=(4, 6)).astype(np.float32) for name in ("right", "left")}
    model, path, _ = saved_net(tmp_path, rows)
    np.savez(tmp_path / "rows.npz", **rows)
    loaded = model_file.load(path, Sizes(data=tmp_path / "rows.npz")).model
    order = [tensor._keras_history.operation.name for tensor in loaded.inputs]
    found = np.reshape(loaded([rows[name] for name in order]), (4, 3))
    np.testing.assert_allclose(found, model(rows), rtol=1e-5, atol=1e-6)


def test_without_data_the_message_says_what_to_give(tmp_path: Path) -> None:
    _, path, _ = saved_net(tmp_path, np.zeros((1, 6), np.float32))
    with pytest.raises(UsageProblemError, match=r"Net that is neither functional nor Sequential: give --calibration"):
        model_file.load(path)


def test_data_on_which_the_call_fails_are_refused_with_their_shape(tmp_path: Path) -> None:
    _, path, _ = saved_net(tmp_path, np.zeros((1, 6), np.float32))
    np.save(tmp_path / "rows.npy", np.zeros((5, 7), np.float32))
    with pytest.raises(UsageProblemError, match=r"cannot be called on input: float32 \(N, 7\)"):
        model_file.load(path, Sizes(data=tmp_path / "rows.npy"))
