"""--max-ram and --max-flash: int8 files within the memory of a microcontroller, or what was reached."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from export.cli.main import main
from export.formats import PRIMARY

LENET5 = ("export", "lenet5", "--format", "tflite", "--raise-to", "int16")


def test_the_chosen_file_fits_and_takes_and_gives_integers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*LENET5, "--max-ram", "16kB", "--max-flash", "100kB", "--out", str(tmp_path)]) == 0
    manifest = json.loads((tmp_path / "lenet5" / "manifest.json").read_text())
    (file,) = manifest["files"]
    content = (tmp_path / "lenet5" / file["file"]).read_bytes()
    assert manifest["budget"]["chosen"]["arena_bytes"] == PRIMARY.footprint(content).given_bytes <= 16_000
    assert len(content) <= 100_000
    assert {point["precision"] for point in manifest["budget"]["points"]} == {"int8"}
    assert {spec["dtype"] for spec in (*file["inputs"], *file["outputs"])} == {"int8"}
    assert {(one["subject"], one["passed"]) for one in file["checks"] if one["id"] == "budget"} == {
        ("RAM", True),
        ("flash", True),
    }
    assert "at most 16.0 kB of RAM, at most 100 kB of flash; chosen: int8" in capsys.readouterr().out


def test_a_network_that_does_not_fit_is_refused_with_what_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert main([*LENET5, "--int8", "--max-ram", "5kB", "--out", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "budget: arena 1.13e+04 bytes; at most 5000 bytes is required" in printed
    assert "cannot be met; nearest: int8" in printed
    assert not (tmp_path / "lenet5").exists()
