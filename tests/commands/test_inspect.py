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


@pytest.mark.parametrize("scheme", ["int8", "float32"])
@pytest.mark.parametrize("kind", ["tflite", "onnx"])
def test_delivered_files_say_what_they_are(
    kind: str, scheme: str, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = exported / f"lenet5-{scheme}.{kind}"
    assert main(["inspect", str(path), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)["metadata"]
    labels = (exported / "labels.txt").read_text().splitlines()
    assert facts["labels"] == labels
    assert facts["licence"] == json.loads((exported / "manifest.json").read_text())["weights"]["licence"]
    assert facts["description"].startswith("LeNet-5")
    assert facts["description"].endswith(f"Exported in {scheme}.")
    assert main(["inspect", str(path)]) == 0
    printed = capsys.readouterr().out
    assert f"labels: 10: {', '.join(labels[:3])}, ..." in printed
    assert labels[3] not in printed


def test_damaged_metadata_do_not_hide_the_rest(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytearray((exported / "lenet5-int8.tflite").read_bytes())
    start = content.index(b"M001") - 4
    content[start : start + 4] = b"\xff\xff\xff\x7f"  # where the first table lies
    (tmp_path / "odd.tflite").write_bytes(content)
    assert main(["inspect", str(tmp_path / "odd.tflite"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["verdict"].startswith("all-integer: ")
    assert "damaged metadata" in facts["metadata"]["trouble"]


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
