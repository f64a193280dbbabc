"""`zoo inspect` on delivered files, intact and damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from export.cli.main import main


@pytest.mark.parametrize("kind", ["tflite", "onnx"])
def test_delivered_int8_file_is_all_integer_and_float_file_is_not(
    kind: str, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts = []
    for scheme in ("int8", "float32"):
        assert main(["inspect", str(exported / f"lenet5-{scheme}.{kind}"), "--json"]) == 0
        verdicts.append(json.loads(capsys.readouterr().out)["verdict"])
    assert verdicts[0].startswith("all-integer: ")
    assert verdicts[1].startswith("float: ")


@pytest.mark.parametrize("kind", ["tflite", "onnx"])
def test_truncated_file_is_rejected_in_one_line(
    kind: str, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (exported / f"lenet5-int8.{kind}").read_bytes()
    (tmp_path / f"cut.{kind}").write_bytes(content[: len(content) // 3])
    assert main(["inspect", str(tmp_path / f"cut.{kind}")]) == 3
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1
    assert f"cut.{kind}" in complaint
    assert "errors.ConversionError" not in complaint  # our classes mean nothing to a user


def test_file_of_the_other_format_is_rejected(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wrong.onnx").write_bytes((exported / "lenet5-int8.tflite").read_bytes())
    assert main(["inspect", str(tmp_path / "wrong.onnx")]) == 3
    assert "wrong.onnx" in capsys.readouterr().err
