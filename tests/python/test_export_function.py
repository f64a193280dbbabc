"""`zoo_export.export` takes what a user has in Python, checks it as the command does, and prints nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import zoo_export
from export.pipeline import run
from export.recipe import Recipe
from export.runtime import background
from export.scheme import INT8

if TYPE_CHECKING:
    import keras

GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(120, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    import keras

    keras.utils.set_random_seed(0)
    rows = keras.Input((6,), name="rows")
    x = keras.layers.Dense(8, activation="relu", name="hidden")(rows)
    model = keras.Model(rows, keras.layers.Dense(3, name="scores")(x), name="small_net")
    model.get_layer("hidden").bias.assign(np.linspace(-0.1, 0.1, 8))
    return model


def test_a_model_in_memory_and_arrays_are_exported(model: keras.Model, tmp_path: Path) -> None:
    result = zoo_export.export(model, int8=True, formats="TFLITE", calibration=ROWS, out=tmp_path)
    assert result.folder == tmp_path / "small_net"
    assert list(result.files) == ["small_net-int8.tflite"]
    assert all(path.is_file() for path in result.files.values())
    assert result.manifest["calibration"]["source"] == "calibration.npy, 120 rows"
    session = zoo_export.open_file(result.files["small_net-int8.tflite"])
    assert session.inputs[0].name == "rows"


def test_it_gives_the_files_of_the_recipe(tmp_path: Path) -> None:
    result = zoo_export.export("LeNet5", int8=True, formats=["onnx"], out=str(tmp_path / "one"))
    recipe = Recipe(model="lenet5", schemes=(INT8,), formats=("onnx",), out=tmp_path / "two")
    other = run(recipe)
    assert [file["sha256"] for file in result.manifest["files"]] == [file["sha256"] for file in other.manifest["files"]]


def test_the_result_shows_a_table_as_text_and_as_html(model: keras.Model, tmp_path: Path) -> None:
    result = zoo_export.export(model, precision=["float32"], formats="onnx", calibration={"rows": ROWS}, out=tmp_path)
    for text in (str(result), repr(result), result._repr_html_()):
        assert "float32" in text
        assert "proven" in text
        assert "small_net-float32.onnx" in text
    assert "<table>" in result._repr_html_()


def test_html_escapes_what_a_model_says(model: keras.Model, tmp_path: Path) -> None:
    result = zoo_export.export(model, formats="onnx", calibration=ROWS, out=tmp_path)
    forged = zoo_export.Result(folder=None, manifest={**result.manifest, "title": "<script>alert(1)</script>"})
    assert "<script>" not in forged._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"model": "mobilnet"}, "did you mean 'mobilenet'"),
        ({"model": Path("nowhere.keras")}, "there is no file 'nowhere.keras'"),
        ({"model": 7}, "give a Keras model, a name"),
        ({"model": "lenet5", "calibraton": "x"}, "unknown argument 'calibraton'; did you mean 'calibration'"),
        ({"model": "lenet5", "calibration": "nowhere"}, "calibration='nowhere' does not exist"),
        ({"model": "lenet5", "calibration": np.zeros((4, 5))}, "has the shape (N, 5)"),
        ({"model": "lenet5", "calibration": np.zeros((0, 28, 28, 1))}, "calibration.npy"),
        ({"model": "lenet5", "precision": "int9"}, "unknown precision 'int9'"),
        ({"model": "lenet5", "evaluate": (1, 2, 3)}, "a pair of arrays"),
        ({"model": "lenet5", "name": "other"}, "name is for a model in memory"),
        ({"model": "lenet5", "max_size": 3_000_000, "int8": True}, "leave out precision and int8=True"),
        ({"model": "lenet5", "raised": "conv", "precision": "float32"}, "add int8=True"),
    ],
)
def test_a_mistake_is_named_at_once_in_the_words_of_python(
    arguments: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "start", lambda *_, **__: pytest.fail("the work began"))
    with pytest.raises(zoo_export.UsageProblemError) as caught:
        zoo_export.export(**arguments)
    assert words in str(caught.value)
    assert "--" not in str(caught.value)
    assert "zoo-export-python" not in str(caught.value), "a temporary folder"


def test_a_custom_layer_of_the_program_and_samples_of_a_function(tmp_path: Path) -> None:
    import keras

    @keras.saving.register_keras_serializable("test_export_function")
    class Doubling(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return 2 * inputs

    try:
        rows = keras.Input((6,), name="rows")
        doubled = keras.Model(rows, keras.layers.Dense(2)(Doubling()(rows)), name="doubled")
        result = zoo_export.export(doubled, formats="onnx", calibration=lambda: iter(ROWS), out=tmp_path)
    finally:
        del keras.saving.get_custom_objects()["test_export_function>Doubling"]
    assert result.files["doubled-float32.onnx"].is_file()
    assert "<lambda>" not in json.dumps(result.manifest)


def test_samples_are_recorded_by_the_kind_of_what_gives_them(model: keras.Model, tmp_path: Path) -> None:
    result = zoo_export.export(model, int8=True, formats="tflite", calibration=list(ROWS), out=tmp_path)
    assert result.manifest["calibration"]["source"].startswith("function over a list")


NOISY = """
import warnings
@keras.saving.register_keras_serializable()
class Noisy(keras.layers.Dense):
    def get_config(self):
        warnings.warn("a setting is not saved")
        print("a setting is not saved")
        return super().get_config()
model = keras.Model(rows, Noisy(2)(rows), name="quiet")
"""

QUIET = """
import keras, numpy as np, json, sys
import zoo_export
rows = keras.Input((6,), name="rows")
{model}
print("ready", flush=True); print("ready", file=sys.stderr, flush=True)
result = zoo_export.export(model, formats="onnx", calibration={calibration}, out="out")
print(json.dumps(list(result.files)))
"""


@pytest.mark.parametrize(
    ("line", "calibration"),
    [
        ("model = keras.Model(rows, keras.layers.Dense(2)(rows), name='quiet')", "np.eye(6, dtype='float32')"),
        ("model = keras.Model(rows, keras.layers.Dense(2)(rows), name='quiet')", "lambda: np.eye(6, dtype='float32')"),
        (NOISY, "np.eye(6, dtype='float32')"),
    ],
    ids=["in a process of its own", "in this process", "a model that warns when it is saved"],
)
def test_nothing_is_printed(line: str, calibration: str, tmp_path: Path) -> None:
    program = QUIET.format(model=line, calibration=calibration)
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.partition("ready\n")[2]) == ["quiet-float32.onnx"]
    assert done.stderr.partition("ready\n")[2] == ""
