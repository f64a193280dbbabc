"""Networks that read features are exported and proven without data of one's own, and their files answer in words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from calibration.sources import features
from export.cli.main import main
from export.pipeline import run
from export.recipe import Recipe
from export.scheme import INT8
from tests.zoo.test_mlperf_tiny import NAMES
from zoo import class_names


def test_a_keyword_network_is_proven_and_names_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = Recipe(model="mlperf_kws", weights="random", schemes=(INT8,), out=tmp_path)
    delivery = run(recipe)
    assert delivery.passed
    assert delivery.folder is not None
    manifest = json.loads((delivery.folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["inputs"]["mfcc"]["kind"] == "sound"
    assert manifest["calibration"]["source"] == features.SOURCES["keywords"]
    assert {file["format"] for file in manifest["files"] if file["precision"] == "int8"} == {"tflite", "onnx"}
    np.savez(tmp_path / "two.npz", mfcc=features.read("keywords")[:2].astype(np.float32))
    capsys.readouterr()
    assert main(["run", str(delivery.folder), str(tmp_path / "two.npz"), "--top", "3", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)["answers"]
    assert len(answers) == 2
    assert {guess["name"] for one in answers for guess in one["guesses"]} <= set(class_names.read("keywords"))


@pytest.mark.imagenet
@pytest.mark.parametrize("name", NAMES)
def test_with_the_trained_weights_the_default_export_is_proven_in_both_formats(name: str, tmp_path: Path) -> None:
    delivery = run(Recipe(model=name, schemes=(INT8,), out=tmp_path))
    assert delivery.passed
    assert delivery.folder is not None
    assert {path.suffix for path in delivery.folder.glob(f"{name}-int8.*")} == {".tflite", ".onnx"}
