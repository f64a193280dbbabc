"""`zoo inspect FILE --layers` and the chart in the report."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export import INT8, Recipe, run
from export.bundle.diagnose import diagnose_file
from export.bundle.diagnosed_export import circumstances
from export.bundle.read import read
from export.bundle.report.layer_part import layer_part
from export.bundle.report.layer_words import share
from export.bundle.report.rendering import render
from export.cli.main import main
from export.cli.tables.layers import print_diagnosis
from zoo.errors import UsageProblemError

FASHION = Path(__file__).parents[1] / "data" / "fashion_mnist_500.npz"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a diagnosed export of the trained LeNet-5; its calibration lies above."""
    out = tmp_path_factory.mktemp("artifacts")
    with np.load(FASHION) as arrays:
        np.savez(out / "calibration.npz", image=arrays["calibration_photos"])
    arguments = ["lenet5", "--int8", "--calibration", str(out / "calibration.npz"), "--diagnose", "--out", str(out)]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["export", *arguments]) == 0
    (out / "printed.txt").write_text(printed.getvalue())
    return out / "lenet5"


def by_command(path: Path, samples: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    assert main(["inspect", str(path), "--layers", "--samples", str(samples), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("kind", ["tflite", "onnx"])
def test_a_file_in_its_export_folder_needs_no_options(
    kind: str, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, samples = exported / f"lenet5-int8.{kind}", exported.parent / "calibration.npz"
    # The command runs the same function in a child process; one format is enough, because TensorFlow starts slowly.
    found = by_command(path, samples, capsys) if kind == "tflite" else diagnose_file(str(path), None, str(samples))
    assert [layer["name"] for layer in found["layers"]] == ["image", "c1", "s2", "c3", "s4", "c5", "f6", "logits"]
    manifest = json.loads((exported / "manifest.json").read_text())
    (recorded,) = (file["diagnosis"] for file in manifest["files"] if file["file"] == f"lenet5-int8.{kind}")
    assert found["output_sqnr_db"] == pytest.approx(recorded["output_sqnr_db"], abs=1e-6)
    assert [one["name"] for one in found["worst"]] == [one["name"] for one in recorded["worst"]]


def test_passes_are_read_from_an_older_manifest(exported: Path, tmp_path: Path) -> None:
    """Older manifests list the passes under `stages`."""
    copy = Path(shutil.copytree(exported, tmp_path / "copy"))
    record = json.loads((copy / "manifest.json").read_text())
    record["stages"] = record.pop("passes")
    (copy / "manifest.json").write_text(json.dumps(record))
    assert circumstances(read(copy)) == circumstances(read(exported))
    assert circumstances(read(copy)).reconstructed
    assert read(copy).manifest["passes"] == record["stages"]


def test_a_file_outside_an_export_needs_its_model(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = exported.parent / "calibration.npz"
    recipe = Recipe(model="lenet5", schemes=(INT8,), reconstruct=False, calibration=str(photos), out=tmp_path)
    assert run(recipe).passed
    file = shutil.copy(tmp_path / "lenet5" / "lenet5-int8.onnx", tmp_path / "mine.onnx")
    assert main(["inspect", str(file), "--layers"]) == 2
    complaint = capsys.readouterr().err.splitlines()[-1]
    assert "mine.onnx" in complaint
    assert "--model" in complaint
    chosen = ["--model", "lenet5", "--samples", str(photos)]
    assert main(["inspect", str(file), "--layers", *chosen]) == 0
    assert "c3" in capsys.readouterr().out


def test_a_file_with_equalized_channels_is_not_compared_with_the_original_model(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_EXPORT_CACHE", str(tmp_path / "another machine"))
    with pytest.raises(UsageProblemError, match="--samples"):
        diagnose_file(str(exported / "lenet5-int8.tflite"), None, None)
    file = shutil.copy(exported / "lenet5-int8.tflite", tmp_path / "mine.tflite")
    with pytest.raises(UsageProblemError, match="--no-reconstruct"):
        diagnose_file(str(file), "lenet5", str(exported.parent / "calibration.npz"))


@pytest.mark.parametrize(
    ("model", "samples", "words"),
    [("mobilenet", None, "does not have the weights"), (None, "nowhere", "does not exist; type a folder of photos")],
)
def test_files_that_cannot_be_compared_are_refused_in_one_sentence(
    model: str | None, samples: str | None, words: str, exported: Path
) -> None:
    with pytest.raises(UsageProblemError, match=words) as caught:
        diagnose_file(str(exported / "lenet5-int8.tflite"), model, samples)
    assert "\n" not in str(caught.value)


def test_model_option_without_layers_is_rejected(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(exported / "lenet5-int8.tflite"), "--model", "lenet5"]) == 2
    assert "--layers" in capsys.readouterr().err.splitlines()[-1]


def test_the_page_shows_every_layer_and_contains_no_script(exported: Path) -> None:
    page = (exported / "report.html").read_text(encoding="utf-8")
    drawings = re.findall(r'<svg class="layers".*?</svg>', page, re.DOTALL)
    assert len(drawings) == 2
    for drawing in drawings:
        titles = re.findall(r"<title>(.*?) \(", drawing)
        assert titles == ["image", "c1", "s2", "c3", "s4", "c5", "f6", "logits"]
    assert "<script" not in page


def test_diagnose_prints_the_worst_layer_with_a_suggestion(exported: Path) -> None:
    printed = " ".join((exported.parent / "printed.txt").read_text().split())
    manifest = json.loads((exported / "manifest.json").read_text())
    for file in manifest["files"]:
        assert f"{file['file']}: {file['diagnosis']['output_sqnr_db']:.1f} dB at the output" in printed
    for place, finding in enumerate(manifest["files"][0]["diagnosis"]["worst"], 1):
        assert f"{place} {finding['name']}" in printed
        assert finding["suggestion"]["fact"] in printed


def test_diagnose_without_an_int8_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "lenet5", "--diagnose", "--precision", "float32", "--out", str(tmp_path)]) == 2
    assert "--diagnose compares int8 files with the model; add --int8" in capsys.readouterr().err


def test_a_layer_without_a_measurement_is_reported_as_such(exported: Path) -> None:
    manifest = json.loads((exported / "manifest.json").read_text())
    layers = {layer["name"]: layer for layer in manifest["files"][0]["diagnosis"]["layers"]}
    assert share({**layers["c3"], "share": None}) == "not measured"
    assert share(layers["s2"]) == ""  # it only moves numbers


def test_layer_names_are_escaped(exported: Path) -> None:
    manifest = json.loads((exported / "manifest.json").read_text())
    found = manifest["files"][0]["diagnosis"]
    for layer in found["layers"]:
        layer["name"] = layer["name"].replace("c3", "<b>c3</b>")
    for finding in found["worst"]:
        finding["name"] = finding["name"].replace("c3", "<b>c3</b>")
    markup = render("layers.html", layers=layer_part(found, "zoo export lenet5 --int8"))
    assert "<b>" not in markup
    assert "&lt;b&gt;c3" in markup


def test_the_terminal_shows_the_worst_layer_with_a_suggestion(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from export.cli.console import standard_output

    manifest = json.loads((exported / "manifest.json").read_text())
    found = manifest["files"][0]["diagnosis"]
    print_diagnosis(standard_output(), {**found, "remarks": ["changed"], "command": "zoo export lenet5 --int8"})
    printed = capsys.readouterr().out
    worst = found["worst"][0]
    assert f"1  {worst['name']}" in printed
    assert worst["suggestion"]["fact"] in printed
    assert "warning: changed" in printed
