"""Several models in one command: checked first, exported in turn, shown in one table; one failure costs one model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from export.cli.main import main
from export.cli.several_models import export_several
from export.recipe import Recipe


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two models of four numbers, one of which has no finite outputs, and rows for them."""
    keras.utils.set_random_seed(0)
    for name, scale in (("good", 1.0), ("broken", np.inf)):
        x = keras.Input((4,), name="x")
        model = keras.Model(x, layers.Dense(3, name="y", kernel_initializer="ones")(x))
        model.layers[-1].set_weights([np.full((4, 3), scale, np.float32), np.zeros(3, np.float32)])
        model.save(tmp_path / f"{name}.keras")
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_model_that_fails_costs_one_model(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["export", "broken.keras", "good.keras", "--calibration", "rows.npy"]
    assert main(words) == 1
    printed, told = capsys.readouterr()
    rows = [line.split() for line in printed.splitlines() if line.startswith(("broken", "good "))][:3]
    assert [row[0] for row in rows] == ["broken.keras", "good", "good"]
    assert rows[0][-1] == "failed"
    assert [row[2] for row in rows[1:3]] == [".tflite", ".onnx"]
    assert all("proven" in row for row in rows[1:3])
    assert (files / "artifacts" / "good" / "manifest.json").is_file()
    assert not (files / "artifacts" / "broken").exists()
    assert "model 1 of 2: broken.keras" in told
    assert sum("error: broken.keras: " in line for line in told.splitlines()) == 1


def test_reasons_and_remarks_stand_below_the_table(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "good.keras", "lenet5", "--int8", "--random-calibration"]) == 0
    printed = capsys.readouterr().out
    assert "good float32 .tflite: for comparison, not written" in printed
    assert printed.count("weights: good.keras, assumed to be trained") == 1
    assert "lenet5: artifacts/lenet5" not in printed
    assert "artifacts/lenet5: lenet5-int8.tflite, lenet5-int8.onnx" in printed
    assert printed.count("next: ") == 2


def test_all_models_are_plain_data(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "broken.keras", "good.keras", "--calibration", "rows.npy", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [one["model"] for one in found] == ["broken.keras", "good.keras"]
    assert found[0]["manifest"] is None
    assert "NaN or infinity" in found[0]["error"]
    assert found[1]["error"] is None
    assert found[1]["manifest"]["passed"]


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (("good.keras", "nowhere.keras"), "nowhere.keras"),
        (("good.keras", "./good.keras"), "would both write artifacts/good"),
        (("good.keras", "good.keras"), "good.keras is named twice"),
    ],
)
def test_nothing_is_exported_if_one_model_cannot_be(
    models: tuple[str, ...], words: str, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", *models, "--calibration", "rows.npy"]) == 2
    assert words in capsys.readouterr().err
    assert not (files / "artifacts").exists()


def test_an_interruption_names_the_folders_that_were_written(capsys: pytest.CaptureFixture[str]) -> None:
    def export(recipe: Recipe) -> dict[str, Any]:
        if recipe.model == "vae":
            raise KeyboardInterrupt
        return {"folder": f"artifacts/{recipe.model}"}

    with pytest.raises(KeyboardInterrupt):
        export_several([Recipe(model="lenet5"), Recipe(model="vae")], export)
    assert capsys.readouterr().err.splitlines()[-1] == "written before: artifacts/lenet5"
