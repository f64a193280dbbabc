"""`zoo inspect --layers` knows on this machine where the model and the samples of an export lie."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from export import INT8, Recipe, run
from export.bundle import origins
from export.bundle.diagnose import diagnose_file
from export.cli.main import main
from zoo.errors import UsageProblemError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_EXPORT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The int8 file of an own model, exported with samples of its own."""
    import keras

    keras.utils.set_random_seed(0)
    rows = keras.Input((8,), name="rows")
    hidden = keras.layers.Dense(16, activation="relu", name="hidden")(rows)
    model = keras.Model(rows, keras.layers.Dense(4, name="scores")(hidden))
    model.get_layer("hidden").bias.assign(np.linspace(-0.2, 0.2, 16))
    model.save(tmp_path / "own.keras")
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(120, 8)).astype(np.float32))
    recipe = Recipe(
        model=str(tmp_path / "own.keras"), schemes=(INT8,), calibration=str(tmp_path / "rows.npy"), out=tmp_path / "out"
    )
    delivery = run(recipe)
    assert delivery.folder is not None
    return delivery.folder / "own-int8.tflite"


def test_neither_model_nor_samples_must_be_told_again(file: Path, tmp_path: Path) -> None:
    told = diagnose_file(str(file), str(tmp_path / "own.keras"), str(tmp_path / "rows.npy"))
    found = diagnose_file(str(file), None, None)
    assert found["layers"] == told["layers"]
    assert [str(tmp_path / name) in note for name, note in zip(("own.keras", "rows.npy"), found["notes"], strict=True)]
    assert told["notes"] == []


def test_the_delivered_folder_holds_no_paths_of_this_machine(file: Path, tmp_path: Path) -> None:
    for path in file.parent.iterdir():
        assert str(tmp_path).encode() not in path.read_bytes(), path.name


def test_a_model_that_was_moved_is_named_before_tensorflow_starts(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.keras").rename(tmp_path / "elsewhere.keras")
    assert main(["inspect", str(file), "--layers"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{tmp_path / 'own.keras'}, which is not there any more: type --model PATH/TO/own.keras" in line


def test_a_changed_model_is_not_taken_for_the_exported_one(file: Path, tmp_path: Path) -> None:
    import keras

    rows = keras.Input((8,), name="rows")
    keras.Model(rows, keras.layers.Dense(4, name="scores")(rows)).save(tmp_path / "own.keras")
    with pytest.raises(UsageProblemError, match="does not have the weights"):
        diagnose_file(str(file), None, None)


def test_a_cache_that_cannot_be_written_is_no_error(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_EXPORT_CACHE", "/proc/nowhere")
    origins.remember(Recipe(model="lenet5"), [file])
    assert origins.recall(file) is None


def test_a_damaged_record_counts_as_none(file: Path, tmp_path: Path) -> None:
    for record in (tmp_path / "cache" / "origins").iterdir():
        assert json.loads(record.read_text())["model"] == str(tmp_path / "own.keras")
        record.write_text("[]")
    assert origins.recall(file) is None
