"""`--prune`: files with fewer weights, proven, and measured against the model as it was."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from export.cli.main import main

FASHION = Path(__file__).parents[1] / "data" / "fashion_mnist_500.npz"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the export of a pruned LeNet-5 in float32 and int8, evaluated and diagnosed."""
    from benchmarks.peers import fashion_photos

    folder = tmp_path_factory.mktemp("pruned")
    fashion_photos.write(folder / "photos")
    with np.load(FASHION) as arrays:
        np.savez(folder / "calibration.npz", image=arrays["calibration_photos"])
    arguments = ["--prune", "0.5", "--precision", "float32,int8", "--calibration", str(folder / "calibration.npz")]
    arguments += ["--evaluate", str(folder / "photos" / "labels.csv"), "--out", str(folder), "--diagnose"]
    assert main(["export", "lenet5", *arguments]) == 0
    return folder / "lenet5-prune0.5"


@pytest.fixture
def exported(folder: Path) -> dict:
    """The manifest of that export."""
    return json.loads((folder / "manifest.json").read_text())


def test_the_page_shows_the_command_and_the_comparison_with_the_original(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    assert "--prune 0.5" in page
    assert "Compared with the original model" in page


def test_a_pruned_file_is_diagnosed_where_it_is_made(
    folder: Path, exported: dict, capsys: pytest.CaptureFixture[str]
) -> None:
    assert all(file["diagnosis"]["layers"] for file in exported["files"] if file["precision"] == "int8")
    assert main(["inspect", str(folder / "lenet5-prune0.5-int8.tflite"), "--layers"]) == 2
    assert "export ... --diagnose" in " ".join(capsys.readouterr().err.split())


def test_removed_channels_make_the_file_smaller(tmp_path: Path) -> None:
    arguments = ["--weights", "tiny", "--prune-channels", "0.4", "--precision", "float32", "--out", str(tmp_path)]
    assert main(["export", "mobilenet", *arguments]) == 0
    manifest = json.loads((tmp_path / "mobilenet-tiny-channels0.4" / "manifest.json").read_text())
    assert [record["name"] for record in manifest["pruning"]["passes"]] == ["fold", "prune_channels", "shrink"]
    assert all(file["bytes"] < 160_000 for file in manifest["pruning"]["files"].values())  # 234 kB with all of them


def test_zeros_survive_into_every_file_and_a_zip_is_smaller(exported: dict) -> None:
    files = exported["pruning"]["files"]
    assert len(files) == 4
    assert all(file["zero_share"] == pytest.approx(0.5, abs=0.01) for file in files.values())
    assert all(file["bytes_zipped"] < 0.75 * file["bytes"] for file in files.values())


def test_the_outputs_are_compared_with_those_of_the_original(exported: dict) -> None:
    found = exported["pruning"]
    assert 15 < found["model"]["sqnr_db"] < 30
    assert found["model"]["top1_agreement"] > 0.9
    for file in found["files"].values():
        assert found["model"]["sqnr_db"] - 2 < file["sqnr_db"] < found["model"]["sqnr_db"] + 0.5
    lost = found["original_scores"]["top1"] - exported["evaluation"]["scores"]["top1"]
    assert -0.02 < lost < 0.02
    # The proof compares the files with the pruned model, with the usual thresholds.
    floats = [file for file in exported["files"] if file["precision"] == "float32"]
    assert all(one["sqnr_db"] > 90 for file in floats for one in file["comparisons"].values())


def test_the_manifest_records_the_passes_and_their_options(exported: dict) -> None:
    passes = {record["name"]: record for record in exported["pruning"]["passes"]}
    assert list(passes) == ["fold", "prune"]
    assert passes["prune"]["parameters"]["share"] == 0.5
    assert exported["recipe"]["passes"] == {"prune": "0.5"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--prune", "1.5"], "between 0 and 1"),
        (["--prune", "half"], "give for example 0.5 or 2:4"),
        (["--prune", "4:4"], "is not a valid pattern"),
        (["--prune", "0.5", "--weights", "random"], "the weights are untrained"),
        (["--prune", "0.5", "--random-calibration"], "the samples are noise"),
        (["--prune", "0.5", "--calibration-count", "4"], "4 samples are too few"),
    ],
)
def test_a_model_that_cannot_be_pruned_is_a_usage_error(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "lenet5", *arguments, "--out", str(tmp_path)]) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []
