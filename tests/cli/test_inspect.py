"""`zoo inspect` describes model files and rejects other files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from export.cli.commands.inspect import _real_value
from export.cli.main import main
from export.runtime.inspect_file import judge


def _operator(op: str, arithmetic: str, count: int = 1) -> dict[str, Any]:
    return {"op": op, "arithmetic": arithmetic, "count": count}


INTEGER_EDGE = {"name": "image", "dtype": "uint8"}
FLOAT_EDGE = {"name": "image", "dtype": "float32"}
CONVOLUTIONS = _operator("CONV_2D", "integer", 15)


@pytest.mark.parametrize(
    ("operators", "edges", "verdict"),
    [
        ([CONVOLUTIONS, _operator("RESHAPE", "none")], [INTEGER_EDGE], "all-integer"),
        ([CONVOLUTIONS], [INTEGER_EDGE, FLOAT_EDGE], "integer inside, float outside: image"),
        (
            [CONVOLUTIONS, _operator("SOFTMAX", "float")],
            [INTEGER_EDGE],
            "integer with float islands: 1 of 16 operators compute in float: SOFTMAX x 1",
        ),
        ([_operator("CONV_2D", "float")], [FLOAT_EDGE], "float: no operator computes in integers"),
        (
            [CONVOLUTIONS, _operator("FlexErf", "float")],
            [INTEGER_EDGE],
            "needs TensorFlow on the device: the LiteRT runtime does not include FlexErf",
        ),
    ],
)
def test_verdict_names_operators_that_are_not_integer(
    operators: list[dict[str, Any]], edges: list[dict[str, Any]], verdict: str
) -> None:
    assert judge(operators, edges).startswith(verdict)


@pytest.mark.parametrize(
    ("scale", "zero_point", "words"),
    [
        (None, None, "as stored"),
        (0.5, 3, "0.5 * (stored - 3)"),
        (0.5, -128, "0.5 * (stored + 128)"),
        (0.5, None, "as stored, a multiple of 0.5"),  # a float output of integers
    ],
)
def test_formula_from_stored_number_to_real_value(scale: float | None, zero_point: int | None, words: str) -> None:
    assert _real_value({"scale": scale, "zero_point": zero_point}) == words


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("notes.txt", b"hello", 2),
        ("empty.tflite", b"", 3),
        ("garbage.tflite", b"\x18\x00\x00\x00TFL3" + b"\xff" * 300, 3),
        ("garbage.onnx", b"\xff" * 300, 3),
    ],
)
def test_file_that_is_not_a_model_is_rejected_in_one_line(
    name: str,
    content: bytes,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(content)
    assert main(["inspect", name]) == code
    complaint = capsys.readouterr().err
    assert complaint.startswith("error: ")
    assert complaint.count("\n") == 1
    assert name in complaint


def test_missing_file_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "nowhere.tflite"]) == 2
    assert "nowhere.tflite" in capsys.readouterr().err
