"""`zoo bench` measures every file in separate processes, and reports files that cannot be measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from export import process
from export.cli.commands.bench import contestants
from export.cli.main import main
from export.runtime import benchmark
from export.runtime.jobs.timing import time_file

KINDS = ("tflite", "onnx")


def test_folder_argument_expands_to_its_files(exported: Path) -> None:
    names = [file.path.name for file in contestants([exported, exported / "lenet5-int8.onnx"])]
    assert names == [f"lenet5-{scheme}.{kind}" for scheme in ("float32", "int8") for kind in KINDS]


def test_table_shows_files_times_ratio_memory_runtime_and_threads(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", str(exported / "lenet5-int8.tflite"), str(exported / "lenet5-int8.onnx"), "--runs", "1"]) == 0
    words = capsys.readouterr().out
    columns = ["file", "size", "p50 ms", "p90 ms", "min ms", "of float32", "peak MB", "runtime"]
    assert [heading for heading in columns if heading not in words] == []
    assert "ai-edge-litert 2." in words
    assert "onnxruntime 1." in words
    assert "1 inference per file on 1 thread, alternating between the files" in words


def test_ratio_refers_to_the_float_file_of_the_same_format(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # The float files are last: the reference need not be the first file.
    files = [str(exported / f"lenet5-{scheme}.{kind}") for scheme in ("int8", "float32") for kind in KINDS]
    assert main(["bench", *files, "--runs", "2", "--threads", "2", "--json"]) == 0
    found = {Path(timing["file"]).name: timing for timing in json.loads(capsys.readouterr().out)}
    for suffix in KINDS:
        whole, small = found[f"lenet5-float32.{suffix}"], found[f"lenet5-int8.{suffix}"]
        assert whole["of_float32"] == 1
        assert small["of_float32"] == pytest.approx(small["p50_ms"] / whole["p50_ms"])
    for timing in found.values():
        assert 0 < timing["min_ms"] <= timing["p50_ms"] <= timing["p90_ms"]
        assert (timing["runs"], timing["threads"]) == (2, 2)
        assert timing["peak_mb"] > timing["empty_mb"] > 5


class Listener:
    """Progress that records the measured files."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def step(self, what: str, done: int | None = None, total: int | None = None) -> None:
        self.heard.append(what)


def test_measurement_alternates_between_files(exported: Path) -> None:
    listener = Listener()
    files = contestants([exported / "lenet5-int8.tflite", exported / "lenet5-int8.onnx"])
    first, second = benchmark.bench(files, 3, 1, listener)
    assert listener.heard == ["measure lenet5-int8.tflite", "measure lenet5-int8.onnx"] * 3
    assert first["runs"] == second["runs"] == 3


def test_memory_excludes_the_command_process(exported: Path) -> None:
    held = bytearray(b"x") * 500_000_000
    timed = process.call(time_file, fresh=True, path=exported / "lenet5-int8.tflite", runs=1, threads=1)
    assert timed["peak_mb"] < 300 < len(held) / 1e6


def test_file_that_cannot_run_is_a_row_with_the_reason(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.tflite").write_bytes(b"\x18\x00\x00\x00TFL3" + b"\xff" * 300)
    good = str(exported / "lenet5-int8.onnx")
    assert main(["bench", str(tmp_path / "broken.tflite"), good, "--runs", "1", "--json"]) == 3
    broken, sound = json.loads(capsys.readouterr().out)
    assert broken["trouble"].startswith("the runtime ")
    assert broken["p50_ms"] is None
    assert sound["p50_ms"] > 0


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere.tflite", "there is no file 'nowhere.tflite'"),
        ("notes.txt", "give a file that ends in .tflite or .onnx"),
        ("tests", "is not an export"),
    ],
)
def test_path_that_is_not_a_model_is_a_usage_error(path: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", path]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda manifest: manifest.update(files=[]), "contains no model file; export the model again"),
        (dict.clear, "is damaged (KeyError"),
    ],
)
def test_manifest_without_files_is_a_usage_error(
    change: Callable[[dict[str, Any]], object],
    words: str,
    copy: Path,
    edit: Callable[[Callable[[dict[str, Any]], object]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    edit(change)
    assert main(["bench", str(copy)]) == 2
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1
    assert words in complaint
