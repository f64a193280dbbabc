"""Killed, interrupted and parallel exports: the folder is always either the old or the new one."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from export.bundle.atomic_folder import Destination

Start = Callable[..., subprocess.Popen[str]]
Wholeness = Callable[[Path], list[str]]
EXPORT = ("export", "lenet5", "--precision", "float32,float16", "--format", "tflite", "--out")


def members(session: int) -> list[int]:
    """Return the processes of a session that still run; `export`'s children stay in their parent's."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, _, of = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:4]
            except OSError:  # ended meanwhile
                continue
            if int(of) == session and state != "Z":
                found.append(int(entry.name))
    return found


def ended(session: int, within_s: float = 15) -> bool:
    """Whether no process of the session is left after a while."""
    limit = time.monotonic() + within_s
    while members(session) and time.monotonic() < limit:
        time.sleep(0.05)
    return not members(session)


def wait_for_step(process: subprocess.Popen[str], beginning: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("- step ") and f": {beginning}" in line:
            return
    raise AssertionError(f"no step {beginning!r}; exit code {process.wait()}")


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr


@pytest.mark.parametrize(("victim", "seed"), [pytest.param("group", 2, marks=pytest.mark.large), ("parent", 3)])
def test_killed_export_leaves_the_old_files_intact_and_no_processes(
    victim: str, seed: int, start: Start, delivered: Path, tmp_path: Path, wholeness: Wholeness
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = start(*EXPORT, delivered, TMPDIR=str(scratch))
    wait_for_step(process, "build the model")
    time.sleep(random.Random(seed).uniform(0, 4))
    (os.killpg if victim == "group" else os.kill)(process.pid, signal.SIGKILL)
    finish(process)
    assert ended(process.pid)
    assert wholeness(delivered / "lenet5") == []
    assert {path.name for path in delivered.iterdir() if not path.name.endswith(".partial")} == {"lenet5"}
    if victim == "parent":
        assert list(scratch.iterdir()) == []


def test_killed_child_exits_with_code_3_and_one_line(start: Start, delivered: Path, wholeness: Wholeness) -> None:
    process = start(*EXPORT, delivered)
    wait_for_step(process, "draw the samples")
    for child in set(members(process.pid)) - {process.pid}:
        os.kill(child, signal.SIGKILL)
    code, stderr = finish(process)
    assert code == 3
    last = stderr.splitlines()[-1]
    assert last.startswith("error: export crashed (SIGKILL); nothing was written")
    Path(last.rsplit("(log: ", 1)[1].rstrip(")")).unlink()
    assert ended(process.pid)
    assert wholeness(delivered / "lenet5") == []


@pytest.mark.parametrize("to", ["group", pytest.param("parent", marks=pytest.mark.large)])
def test_ctrl_c_exits_with_code_130_and_leaves_no_files(
    to: str, start: Start, delivered: Path, tmp_path: Path, wholeness: Wholeness
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = start(*EXPORT, delivered, TMPDIR=str(scratch))
    wait_for_step(process, "convert")
    (os.killpg if to == "group" else os.kill)(process.pid, signal.SIGINT)
    code, stderr = finish(process)
    assert code == 130
    assert ": write the files" not in stderr
    assert [line for line in stderr.splitlines() if not line.startswith("- ")] == ["error: interrupted"]
    assert ended(process.pid)
    assert [path.name for path in delivered.iterdir()] == ["lenet5"]
    assert wholeness(delivered / "lenet5") == []
    assert list(scratch.iterdir()) == []


HALF_WRITTEN = """
import sys, time
from pathlib import Path
from export.bundle.atomic_folder import Destination
with Destination(Path(sys.argv[1]), "lenet5").replaced() as new:
    (new / "manifest.json").write_text("{}")
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def writing(delivered: Path) -> subprocess.Popen[str]:
    """A process in the middle of writing an export into `delivered`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HALF_WRITTEN, str(delivered)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    return process


def test_next_export_removes_the_hidden_folder_of_a_killed_one(
    writing: subprocess.Popen[str], delivered: Path, wholeness: Wholeness
) -> None:
    writing.kill()
    writing.communicate()
    debris = [path for path in delivered.iterdir() if path.name != "lenet5"]
    assert [path.name.startswith(".") and path.suffix == ".partial" for path in debris] == [True]
    assert wholeness(delivered / "lenet5") == []
    with Destination(delivered, "lenet5").replaced() as new:
        for path in (delivered / "lenet5").iterdir():
            shutil.copy(path, new)
    assert [path.name for path in delivered.iterdir()] == ["lenet5"]
    assert wholeness(delivered / "lenet5") == []


def test_export_keeps_the_folder_that_another_export_is_writing(
    writing: subprocess.Popen[str], delivered: Path
) -> None:
    (partial,) = [path for path in delivered.iterdir() if path.name != "lenet5"]
    with Destination(delivered, "lenet5").replaced() as new:
        (new / "manifest.json").write_text("{}")
    assert (partial / "manifest.json").exists()
    writing.kill()
    writing.communicate()


REPEATED = """
import sys
from pathlib import Path
from export.bundle.atomic_folder import Destination
MANIFEST = '{"schema": "zoo-export manifest 1", "files": [{"file": "one"}, {"file": "two"}]}'
for _ in range(100):
    with Destination(Path(sys.argv[1]), "model").replaced() as new:
        (new / "one").write_text(sys.argv[2])
        (new / "two").write_text(sys.argv[2])
        (new / "manifest.json").write_text(MANIFEST)
"""


def test_parallel_exports_of_one_model_are_always_intact(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    writers = [
        subprocess.Popen([sys.executable, "-c", REPEATED, str(tmp_path), word], env=environment) for word in ("a", "b")
    ]
    while not (tmp_path / "model").exists():
        time.sleep(0.01)
    seen = set()
    while any(writer.poll() is None for writer in writers):
        folder = os.open(tmp_path / "model", os.O_DIRECTORY)  # holds on to one folder while the name moves on
        try:
            words = [Path(f"/proc/self/fd/{folder}", name).read_text() for name in ("one", "two")]
        except FileNotFoundError:
            words = []  # it was replaced, and swept away
        finally:
            os.close(folder)
        assert len(set(words)) <= 1
        seen.update(words)
    assert [writer.wait() for writer in writers] == [0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["manifest.json", "one", "two"]
    assert seen == {"a", "b"}


@pytest.mark.large
def test_parallel_commands_deliver_both_models(
    start: Start, tmp_path: Path, photo_net: Path, photo_folder: Path, wholeness: Wholeness
) -> None:
    out, rest = tmp_path / "out", ("--format", "tflite", "--out", tmp_path / "out")
    own = ("export", photo_net, "--calibration", photo_folder, *rest)
    running = [start(*own), start("export", "lenet5", *rest)]
    assert [finish(process)[0] for process in running] == [0, 0]
    assert sorted(path.name for path in out.iterdir()) == ["lenet5", "photo_net"]
    assert [wholeness(out / name) for name in ("lenet5", "photo_net")] == [[], []]
