"""`zoo prove`: exit codes, JSON, the report, and refusals before TensorFlow starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from export.cli.main import main
from tests.faults.tflite_file import TfliteFile
from tests.foreign import files
from tests.foreign.files import Trained


def test_a_faulty_file_is_exit_code_1_with_the_fault_in_json_and_report(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = TfliteFile(files.by_tensorflow(trained.model))
    file.drop_bias(0)
    path, page = tmp_path / "theirs.tflite", tmp_path / "proof.html"
    path.write_bytes(file.content())
    options = ["--model", trained.recipe.model, "--calibration", str(trained.recipe.calibration), "--report", str(page)]
    assert main(["prove", str(path), *options, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["passed"], found["precision"]) == ("failed", False, "float32")
    assert found["faults"] == ["the biases of conv are zeros: they were lost"]
    assert {"parity", "storage"} == {check["id"] for check in found["checks"] if not check["passed"]}
    html = page.read_text(encoding="utf-8")
    assert "the biases of conv are zeros" in html
    assert "theirs.tflite fails parity, storage" in html


def test_a_report_that_cannot_be_written_is_refused_before_the_proof(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder.html").mkdir()
    for name, said in (("folder.html", "is a folder"), ("missing/proof.html", "there is no folder")):
        assert main(["prove", "any.tflite", "--model", "mobilenet", "--report", str(tmp_path / name)]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert len(error.strip().splitlines()) == 1


def test_the_results_are_printed_before_the_disk_refuses_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"passed": True}
    monkeypatch.setattr("export.runtime.background.start", lambda *_, **__: found)
    monkeypatch.setattr("export.runtime.loadable.check_loadable", lambda _: None)
    monkeypatch.setattr("export.bundle.report.proof_page.proof_page", lambda _: "page")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", refuse)
    options = ["--model", "mobilenet", "--report", str(tmp_path / "proof.html"), "--json"]
    assert main(["prove", "any.tflite", *options]) == 3
    printed = capsys.readouterr()
    assert json.loads(printed.out) == found
    assert "cannot be written: No space left on device" in printed.err


@pytest.mark.large
def test_a_healthy_file_is_exit_code_0(trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "theirs.tflite"
    path.write_bytes(files.by_tensorflow(trained.model))
    options = ["--model", trained.recipe.model, "--calibration", str(trained.recipe.calibration)]
    assert main(["prove", str(path), *options]) == 0
    assert "proven: theirs.tflite computes what model.keras computes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("text.tflite", b"hello" * 50, "text.tflite is no .tflite that ai-edge-litert can load"),
        ("text.onnx", b"hello" * 50, "text.onnx is no .onnx that onnxruntime can load"),
        ("empty.tflite", b"", "empty.tflite is empty"),
        ("model.pt", b"hello", "give a file that ends in .tflite or .onnx"),
    ],
)
def test_a_file_that_is_no_model_is_refused_in_one_sentence(
    name: str, content: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(content)
    assert main(["prove", str(tmp_path / name), "--model", "mobilenet"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1
