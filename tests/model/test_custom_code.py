"""The user's own code runs only if the user names it: --import for layers, --unsafe-lambda for Lambda layers."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export import pipeline
from export.model.loading.custom_code import run_file
from export.recipe import Recipe
from export.scheme import FLOAT32, INT8
from zoo.errors import UsageProblemError

LAYERS = """
import keras
from pathlib import Path

Path(__file__).with_name("ran").touch()


class Doubling(keras.layers.Layer):
    def __init__(self, factor=2.0, **settings):
        super().__init__(**settings)
        self.factor = factor

    def call(self, values):
        return values * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def halved_relu(values):
    return keras.ops.relu(values) * 0.5
"""


@pytest.fixture(autouse=True)
def _keras_as_before() -> Iterator[None]:
    import keras

    known = keras.saving.get_custom_objects()
    before = dict(known)
    yield
    known.clear()
    known.update(before)
    keras.src.saving.serialization_lib.global_state.set_global_attribute("safe_mode_saving", None)


@pytest.fixture
def rows(tmp_path: Path) -> str:
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(60, 6)).astype(np.float32))
    return str(tmp_path / "rows.npy")


def custom_net(tmp_path: Path) -> tuple[Path, Path]:
    """Return a model file with custom layers, and the Python file that defines these."""
    import keras

    source = tmp_path / "my_layers.py"
    source.write_text(LAYERS)
    spec = importlib.util.spec_from_file_location("any_name", source)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "ran").unlink()
    values = keras.Input((6,), name="values")
    hidden = keras.layers.Dense(8, activation=module.halved_relu)(module.Doubling(3.0)(values))
    keras.Model(values, keras.layers.Dense(2)(hidden)).save(tmp_path / "own.keras")
    return tmp_path / "own.keras", source


def lambda_net(path: Path, trap: Path) -> Path:
    import keras

    values = keras.Input((6,), name="values")
    code = f"lambda x: (__import__('pathlib').Path({str(trap)!r}).touch(), x * 2.0)[1]"
    model = keras.Model(values, keras.layers.Dense(2)(keras.layers.Lambda(eval(code), output_shape=(6,))(values)))
    model.save(path)
    trap.unlink(missing_ok=True)
    return path


def test_layers_of_an_imported_file_are_exported_and_the_table_says_so(tmp_path: Path, rows: str) -> None:
    model, source = custom_net(tmp_path)
    recipe = Recipe(
        model=str(model), imports=(str(source),), calibration=rows, schemes=(FLOAT32, INT8), out=tmp_path / "out"
    )
    delivery = pipeline.run(recipe)
    assert delivery.passed
    assert len(delivery.manifest["files"]) == 4
    assert delivery.manifest["notes"] == ["my_layers.py was run, because --import names it"]


def test_without_the_flag_the_message_names_the_layer_and_the_flag(tmp_path: Path, rows: str) -> None:
    model, _ = custom_net(tmp_path)
    with pytest.raises(UsageProblemError, match=r"custom layer 'Doubling'.*--import FILE\.py"):
        pipeline.run(Recipe(model=str(model), calibration=rows, out=tmp_path / "out"))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["own.keras", "own.h5"])
def test_lambda_layers_run_with_the_flag_only_and_the_table_says_so(name: str, tmp_path: Path, rows: str) -> None:
    trap = tmp_path / "trap"
    model = lambda_net(tmp_path / name, trap)
    settings: dict[str, Any] = {"model": str(model), "calibration": rows, "schemes": (FLOAT32, INT8)}
    with pytest.raises(UsageProblemError, match="--unsafe-lambda if you trust the file"):
        pipeline.run(Recipe(**settings, out=tmp_path / "out"))
    assert not trap.exists()
    delivery = pipeline.run(Recipe(**settings, unsafe_lambda=True, out=tmp_path / "out"))
    assert delivery.passed
    assert trap.exists()
    assert "because of --unsafe-lambda" in delivery.manifest["notes"][0]


def test_lambda_of_keras_2_runs_with_the_flag(tmp_path: Path, rows: str) -> None:
    import tf_keras

    values = tf_keras.Input((6,), name="values")
    doubled = tf_keras.layers.Lambda(lambda x: x * 2.0)(values)
    tf_keras.Model(values, tf_keras.layers.Dense(2)(doubled)).save(tmp_path / "old.h5")
    recipe = Recipe(model=str(tmp_path / "old.h5"), calibration=rows, unsafe_lambda=True, out=tmp_path / "out")
    assert pipeline.run(recipe).passed


@pytest.mark.parametrize(
    ("content", "message"), [(None, "there is no such Python file"), ("1 / 0", "fails: ZeroDivisionError")]
)
def test_a_file_that_is_missing_or_fails_is_refused(content: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "my_layers.py"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageProblemError, match=message):
        run_file(str(path))


def test_the_terminal_says_which_file_runs(tmp_path: Path, capfd: Any) -> None:
    import keras

    from export.cli.main import main_export

    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "own.keras")
    (tmp_path / "my_layers.py").write_text("raise RuntimeError('it ran')")
    words = [str(tmp_path / "own.keras"), "--import", str(tmp_path / "my_layers.py"), "--unsafe-lambda"]
    words.append("--random-calibration")
    assert main_export(words) == 2
    lines = capfd.readouterr().err
    assert "--import: running" in lines
    assert f"--unsafe-lambda: running the Python code of Lambda layers in {tmp_path / 'own.keras'}" in lines
    assert "it ran" in lines
