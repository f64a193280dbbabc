"""`zoo doctor` reports every kind of broken dependency and the features that need it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from export.cli.doctor.dependencies import DEPENDENCIES, locked_versions
from export.cli.doctor.machine import int8_instructions, look_around
from export.cli.main import main

BREAKAGES = {
    "raises": ("raise ImportError('wrong version of libfoo')", "wrong version of libfoo"),
    "aborts": ("import os; os.abort()", "SIGABRT"),
    "ends the process": ("import os; os._exit(7)", "code 7"),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_broken_package_is_reported_with_the_features_that_need_it(
    breakage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, words = BREAKAGES[breakage]
    (tmp_path / "tf2onnx.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert main(["doctor", "tf2onnx", "click"]) == 1
    report = capsys.readouterr().out
    assert words in report
    assert "broken: tf2onnx; not available: convert to .onnx" in report.splitlines()


def test_json_lists_only_the_broken_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rich.py").write_text("raise ImportError('planted')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert main(["doctor", "rich", "click", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["verdict"], report["broken"]) == ("broken", ["rich"])
    problems = {record["name"]: record["problem"] for record in report["dependencies"]}
    assert problems == {"rich": "ImportError: planted", "click": None}


def test_working_installation_exits_with_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    light = ["numpy", "onnx", "onnxruntime", "ai-edge-litert", "pillow", "click", "rich"]
    assert main(["doctor", *light]) == 0
    assert f"good: {len(light)} dependencies import" in capsys.readouterr().out


def test_module_in_the_current_folder_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "click.py").write_text("raise ImportError")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert main(["doctor", "click"]) == 0


def test_untested_version_is_reported_with_the_tested_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    metadata = tmp_path / "click-0.1.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: click\nVersion: 0.1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(["doctor", "click", "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)["dependencies"]
    assert (record["version"], tuple(record["tested"])) == ("0.1", locked_versions()["click"])
    assert main(["doctor", "click"]) == 0
    report = capsys.readouterr().out
    assert f"imports; tested with {locked_versions()['click'][0]}" in report
    assert "1 in an untested version" in report


def test_read_only_folder_is_reported_as_a_problem() -> None:
    problems = {fact.what: fact.problem for fact in look_around(Path("/proc/none"))}
    assert "cannot write to" in problems["disk here"]


@pytest.mark.parametrize(
    ("flags", "name", "meaning"),
    [
        ({"sse2", "avx2", "avx512_vnni"}, "avx512_vnni", "exactly"),
        ({"sse2", "avx2"}, "avx2, no vnni", "saturate"),
        ({"asimd", "asimddp"}, "asimddp", "exactly"),
        ({"sse2"}, "no int8 instructions", "no faster"),
    ],
)
def test_processor_is_described_by_its_int8_instructions(flags: set[str], name: str, meaning: str) -> None:
    found_name, found_meaning = int8_instructions(flags)
    assert found_name == name
    assert meaning in found_meaning


def test_every_dependency_names_the_features_that_need_it() -> None:
    assert all(dependency.stages for dependency in DEPENDENCIES)
