"""Outside failures of the command: one line, the right exit code, and unchanged existing files."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import zoo as architectures
from export import pipeline, process
from export.bundle.atomic_folder import Destination
from export.bundle.report.rows import rows
from export.recipe import Recipe
from export.scheme import FLOAT32, INT8
from zoo.errors import OutsideError, UsageProblemError

Zoo = Callable[..., subprocess.CompletedProcess[str]]
Wholeness = Callable[[Path], list[str]]


def progress_and_rest(stderr: str) -> tuple[list[str], list[str]]:
    lines = stderr.splitlines()
    return [line for line in lines if line.startswith("- ")], [line for line in lines if not line.startswith("- ")]


def test_stdout_contains_only_json_and_stderr_only_progress(
    first_export: tuple[Path, subprocess.CompletedProcess[str]], wholeness: Wholeness
) -> None:
    out, result = first_export
    assert result.returncode == 0
    printed = json.loads(result.stdout)
    assert printed == json.loads((out / "lenet5" / "manifest.json").read_text())
    steps, rest = progress_and_rest(result.stderr)
    assert len(steps) >= 5
    assert rest == []
    assert wholeness(out / "lenet5") == []
    assert [path.name for path in out.iterdir()] == ["lenet5"]


@pytest.fixture
def no_network(tmp_path: Path) -> dict[str, str]:
    """An environment without npm and servers, whose cache has damaged files under the right names."""
    cache = tmp_path / "cache"
    for source in (source for one in architectures.find("mobilenet").weights for source in one.sources):
        for name in source.members or (source.location,):
            file = cache / (source.sha256 or source.md5) / Path(name).name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"not these weights")
    (tmp_path / "bin").mkdir()
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    return {**proxies, "PATH": str(tmp_path / "bin"), "ZOO_EXPORT_CACHE": str(cache), "PIP_RETRIES": "0"}


@pytest.mark.large
def test_random_weights_are_marked_untrained_everywhere(no_network: dict[str, str], zoo: Zoo, tmp_path: Path) -> None:
    words = ("mobilenet", "--weights", "random", "--format", "tflite", "--probe-count", 16)
    result = zoo("export", *words, "--out", "out", env=no_network)
    assert result.returncode == 0
    assert progress_and_rest(result.stderr)[1] == []
    *_, warning, _ = result.stdout.splitlines()
    assert warning == "these files are UNTRAINED: export with --weights before you ship one"
    table = " ".join(result.stdout.split())
    assert "untrained (" in table
    assert "sizes, operators, speed and float parity are valid, accuracy is not" in table
    record = json.loads((tmp_path / "out" / "mobilenet" / "manifest.json").read_text())
    assert record["weights"]["trained"] is False
    assert record["weights"]["reason"]
    assert record["passed"] is True
    assert record["proves"] == "float parity only: the weights are untrained"


@pytest.mark.parametrize("choice", [(), ("--weights", "imagenet")], ids=["by default", "by name"])
def test_unavailable_weights_exit_with_code_3_and_write_nothing(
    choice: tuple[str, ...], no_network: dict[str, str], zoo: Zoo, tmp_path: Path
) -> None:
    result = zoo("export", "mobilenet", *choice, "--out", "out", env=no_network)
    assert result.returncode == 3
    assert result.stdout == ""
    (line,) = progress_and_rest(result.stderr)[1]
    assert line.startswith("error: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.large
def test_closed_stdout_changes_the_exit_code_but_not_the_files(zoo: Zoo, tmp_path: Path, wholeness: Wholeness) -> None:
    reading, writing = os.pipe()
    os.close(reading)  # as behind `| head -0`
    result = zoo("export", "lenet5", "--format", "tflite", "--out", tmp_path / "out", stdout=writing)
    os.close(writing)
    assert result.returncode == 141
    assert progress_and_rest(result.stderr)[1] == []
    assert wholeness(tmp_path / "out" / "lenet5") == []


@pytest.mark.parametrize("where", ["a_file/artifacts", "/proc/zoo-export"])
def test_read_only_output_folder_is_rejected_before_any_work(where: str, tmp_path: Path) -> None:
    (tmp_path / "a_file").write_text("mine")
    with pytest.raises(UsageProblemError, match=r"cannot write to .*; choose another folder with --out") as caught:
        pipeline.run(Recipe(model="lenet5", out=tmp_path / where))
    assert str(tmp_path / where) in str(caught.value)


@pytest.mark.parametrize("theirs", ["notes.txt", "manifest.json"])
def test_folder_with_foreign_files_is_rejected_and_unchanged(theirs: str, tmp_path: Path) -> None:
    folder = tmp_path / "lenet5"
    folder.mkdir()
    (folder / theirs).write_text('{"name": "a web page", "icons": []}')
    with pytest.raises(UsageProblemError, match="holds files that no export wrote"):
        pipeline.run(Recipe(model="lenet5", out=tmp_path))
    assert [path.name for path in tmp_path.rglob("*")] == ["lenet5", theirs]
    assert (folder / theirs).read_text() == '{"name": "a web page", "icons": []}'


def test_files_of_the_user_survive_the_next_export(delivered: Path) -> None:
    (delivered / "lenet5" / "my-notes.txt").write_text("mine")
    (delivered / "lenet5" / "link").symlink_to("/nowhere")
    with Destination(delivered, "lenet5").replaced() as new:
        (new / "manifest.json").write_text("{}")
    assert sorted(path.name for path in (delivered / "lenet5").iterdir()) == ["link", "manifest.json", "my-notes.txt"]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_export_of_another_version_is_replaced(version: int, tmp_path: Path) -> None:
    (tmp_path / "lenet5").mkdir()
    record = {"schema": f"zoo-export manifest {version}", "files": [{"file": "lenet5-float32.tflite"}]}
    (tmp_path / "lenet5" / "manifest.json").write_text(json.dumps(record))
    (tmp_path / "lenet5" / "lenet5-float32.tflite").write_bytes(b"old")
    Destination(tmp_path, "lenet5").check()
    assert Destination(tmp_path, "lenet5").lost(["lenet5-int8.tflite"]) == ("lenet5-float32.tflite",)
    with Destination(tmp_path, "lenet5").replaced() as new:
        (new / "manifest.json").write_text("{}")
    assert [path.name for path in (tmp_path / "lenet5").iterdir()] == ["manifest.json"]


@contextmanager
def a_megabyte(folder: Path) -> Iterator[None]:
    """Leave little space in `folder`: a small tmpfs where we may mount one, else a limit on the size of a file."""
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        for path, content in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
    else:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


def overfill(destination: Destination) -> None:
    with destination.replaced() as new:
        (new / "lenet5-float32.tflite").write_bytes(bytes(2 << 20))


def test_full_disk_exits_with_code_3_and_keeps_the_old_files(delivered: Path, wholeness: Wholeness) -> None:
    with a_megabyte(delivered):
        with pytest.raises(OutsideError, match="existing files are unchanged"):
            overfill(Destination(delivered, "lenet5"))
        assert [path.name for path in delivered.iterdir()] == ["lenet5"]
        assert wholeness(delivered / "lenet5") == []


def test_full_temporary_disk_exits_with_code_3_and_one_line(
    zoo: Zoo, delivered: Path, tmp_path: Path, wholeness: Wholeness
) -> None:
    import keras

    model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(20_000)])
    model.save(tmp_path / "lenet5.keras")
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(8, 16)).astype(np.float32))

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    words = ("./lenet5.keras", "--format", "tflite", "--calibration", "rows.npy", "--out", delivered)
    result = zoo("export", *words, preexec_fn=limit)
    (line,) = progress_and_rest(result.stderr)[1]
    assert line.startswith("error: the disk of temporary files is full")
    assert "free some space" in line
    assert result.returncode == 3
    assert wholeness(delivered / "lenet5") == []
    assert [path.name for path in delivered.iterdir()] == ["lenet5"]


ABORTING = """
import json, os, sys
if "export.runtime.worker" in sys.orig_argv:
    parse = json.loads
    def aborting(text):
        if "export.runtime.jobs.run:run" in text and "int8.tflite" in text:
            os.abort()
        return parse(text)
    json.loads = aborting
"""


@pytest.fixture
def aborting_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Child processes of this test alone, which abort when they run an int8 .tflite."""
    (tmp_path / "sitecustomize.py").write_text(ABORTING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    process.close_waiting()
    yield
    process.close_waiting()


@pytest.mark.usefixtures("aborting_worker")
def test_aborting_runtime_fails_one_row_and_other_files_are_delivered(tmp_path: Path, wholeness: Wholeness) -> None:
    schemes = (FLOAT32, INT8)
    delivery = pipeline.run(Recipe(model="lenet5", formats=("tflite",), schemes=schemes, out=tmp_path / "out"))
    assert not delivery.passed
    float_row, int8_row = rows(delivery.manifest)
    assert (float_row.verdict, int8_row.verdict) == ("proven", "does not run")
    assert int8_row.reason.startswith("the runtime crashed (SIGABRT)")
    assert wholeness(tmp_path / "out" / "lenet5") == []
    assert [file["file"] for file in delivery.manifest["files"]] == ["lenet5-float32.tflite"]


def test_replaced_files_of_the_previous_export_are_listed(
    second_export: tuple[Path, subprocess.CompletedProcess[str]], wholeness: Wholeness
) -> None:
    out, result = second_export
    assert result.returncode == 0
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("replaced from ")]
    assert line.startswith("replaced from the previous export: lenet5-float32.tflite")
    assert wholeness(out / "lenet5") == ["my-notes.txt"]
    assert Destination(out, "lenet5").lost(["lenet5-float16.tflite"]) == ()  # written again: not gone
