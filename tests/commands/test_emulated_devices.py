"""Files compute on emulated Arm processors what they computed at the export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from export.cli.main import main

# Emulation needs Debian's and Python's packages for the other processor, 80 MB that are fetched once.
pytestmark = pytest.mark.large


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    assert main(["export", "lenet5", "--precision", "float32,int8,int8_dynamic", "--out", str(out)]) == 0
    return out / "lenet5"


def found(exported: Path, machine: str, capsys: pytest.CaptureFixture[str], code: int) -> dict[str, dict[str, object]]:
    capsys.readouterr()
    assert main(["verify", str(exported), "--on", machine, "--samples", "2", "--json"]) == code
    return {file["file"]: file for file in json.loads(capsys.readouterr().out)["files"]}


def test_a_64_bit_arm_computes_the_same_integers_with_both_runtimes(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = found(exported, "aarch64", capsys, 0)
    assert len(files) == 6
    assert all(file["state"] == "passed" for file in files.values())
    assert files["lenet5-int8.tflite"]["is_identical"]
    assert files["lenet5-int8.onnx"]["is_identical"]


def test_a_32_bit_arm_computes_the_integers_of_the_builtin_kernels(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = found(exported, "armv7", capsys, 1)
    assert files["lenet5-int8.tflite"]["is_identical"]
    assert files["lenet5-float32.tflite"]["state"] == "passed"
    assert {file["state"] for name, file in files.items() if name.endswith(".onnx")} == {"skipped"}
    # The last runtime for 32 bits knows no scale per channel in such layers, and says so.
    assert "'FULLY_CONNECTED' version '12'" in str(files["lenet5-int8_dynamic.tflite"]["words"])


def test_other_machines_are_answered(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(exported), "--on", "pi44"]) == 2
    assert "did you mean 'pi4'?" in capsys.readouterr().err
    assert main(["verify", str(exported), "--samples", "2"]) == 2
    assert "add for example --on aarch64" in capsys.readouterr().err
