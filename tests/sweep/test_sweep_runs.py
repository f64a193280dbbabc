"""A sweep makes each result once, resumes behind a kill, and loses one job to a crash."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

from export import pipeline
from export.cli.main import main
from export.sweep import local
from export.sweep.job import Job, Outcome
from export.sweep.run import Way, outcomes
from export.sweep.store import MARKER, Store
from tests.sweep.files import FLOAT, jobs_of, started, written
from zoo.errors import OutsideError

PATIENCE_SECONDS = 120


def run(jobs: list[Job], store: Store, *, at_once: int = 1, retries: int = 1) -> dict[str, Outcome]:
    """Run jobs on this machine."""
    way = Way(at_once=at_once, retries=retries)
    return {one.job.name: one for one in outcomes(jobs, store, way, lambda job, step: None)}


def rows(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of results.json."""
    found: list[dict[str, Any]] = json.loads((folder / "results.json").read_text())["rows"]
    return found


@pytest.mark.filterwarnings("ignore")
def test_files_are_those_of_single_exports_and_are_made_once(tmp_path: Path) -> None:
    content = """
models = ["lenet5"]
devices = ["raspberry-pi"]
[options]
probe-count = 8
calibration-count = 8
[recipes.int8]
int8 = true
[recipes.same]
precision = "int8"
[recipes.half]
precision = "float16"
"""
    jobs, store = jobs_of(tmp_path, content), Store(str(tmp_path / "store"))
    found = run(jobs, store, at_once=2)
    assert {name: (one.is_good, one.attempts) for name, one in found.items()} == {
        "lenet5-int8": (True, 1),
        "lenet5-same": (True, 1),
        "lenet5-half": (True, 1),
    }
    assert len(list((tmp_path / "store").rglob(MARKER))) == 4  # two exports, each with the folder of a device
    for job in jobs:
        record = found[job.name].export
        assert record is not None
        alone = pipeline.run(job.recipe)
        for file in alone.manifest["files"]:
            assert alone.folder is not None
            content_alone = (alone.folder / file["file"]).read_bytes()
            assert store.read(record, f"lenet5/{file['file']}") == content_alone
        pack = found[job.name].packs["raspberry-pi"]
        assert b"camera" in store.read(pack, "lenet5-raspberry-pi/README.md")
    again = run(jobs, Store(str(tmp_path / "store")))
    assert {one.attempts for one in again.values()} == {0}
    assert all(one.is_good for one in again.values())


def test_new_device_is_packed_without_another_export(tmp_path: Path) -> None:
    content = 'models = ["lenet5"]\n{}[recipes.int8]\nint8 = true\nprobe-count = 4\ncalibration-count = 4\nio = "uint8"'
    store = Store(str(tmp_path / "store"))
    before = run(jobs_of(tmp_path, content.format("")), store)["lenet5-int8"]
    jobs = jobs_of(tmp_path, content.format('devices = ["raspberry-pi"]\n'))
    after = run(jobs, store)["lenet5-int8"]
    assert before.export == after.export
    assert (list(before.packs), list(after.packs), after.attempts) == ([], ["raspberry-pi"], 1)


def test_killed_sweep_resumes_with_what_is_missing(tmp_path: Path) -> None:
    path, out = written(tmp_path, FLOAT), tmp_path / "out"
    first = started("sweep", path, "--out", out, "--jobs", "1", folder=tmp_path)
    wait(lambda: len(list(out.rglob(MARKER))) == 1, first)
    workers = children(first.pid)
    assert workers
    first.send_signal(signal.SIGKILL)
    first.communicate()
    wait(lambda: not any(map(is_alive, workers)))
    done = list(out.rglob(MARKER))
    assert 1 <= len(done) < 3
    before = {marker: marker.read_bytes() for marker in done}
    again = started("sweep", path, "--out", out, "--jobs", "1", folder=tmp_path)
    printed, errors = again.communicate(timeout=PATIENCE_SECONDS)
    assert again.returncode == 0, errors
    assert f"3 of 3 jobs done, {len(done)} of them before" in printed
    assert {marker: marker.read_bytes() for marker in done} == before
    assert sorted(row["attempts"] for row in rows(out)) == sorted([0] * len(done) + [1] * (3 - len(done)))


def test_interrupted_sweep_writes_what_is_finished(tmp_path: Path) -> None:
    path, out = written(tmp_path, FLOAT), tmp_path / "out"
    # In a group of its own, all of which a terminal interrupts.
    sweep = started("sweep", path, "--out", out, "--jobs", "1", folder=tmp_path, start_new_session=True)
    wait(lambda: len(list(out.rglob(MARKER))) == 1, sweep)
    workers = children(sweep.pid)
    os.killpg(sweep.pid, signal.SIGINT)
    _, errors = sweep.communicate(timeout=PATIENCE_SECONDS)
    assert sweep.returncode == 130
    assert "interrupted; to go on, type: " in errors
    assert "Traceback" not in errors
    assert 1 <= len(rows(out)) < 3
    assert all(row["passed"] for row in rows(out))
    assert "jobs are not done: the sweep was interrupted" in (out / "index.html").read_text()
    wait(lambda: not any(map(is_alive, workers)))


CRASHING = """
import os, signal
from pathlib import Path
mark = Path({mark!r})
if not mark.exists() or {always}:
    mark.touch()
    os.kill(os.getpid(), signal.SIGSEGV)
"""


def crashing(folder: Path, *, always: bool) -> list[Job]:
    """Return three jobs, the second of which crashes its worker."""
    inputs = keras.Input((4,))
    keras.Model(inputs, keras.layers.Dense(2)(inputs)).save(folder / "own.keras")
    (folder / "crash.py").write_text(CRASHING.format(mark=str(folder / "mark"), always=always))
    content = """
[options]
format = "tflite"
random-calibration = true
probe-count = 2
[recipes.float]
seed = 1
"""
    models = '{model = "lenet5"}, {model = "own.keras", import = "crash.py"}, {model = "own.keras", name = "good"}'
    return jobs_of(folder, f"models = [{models}]{content}")


@pytest.mark.large
@pytest.mark.filterwarnings("ignore")
def test_job_whose_worker_crashed_is_made_again(tmp_path: Path) -> None:
    found = run(crashing(tmp_path, always=False), Store(str(tmp_path / "store")))
    assert {name: (one.is_good, one.attempts) for name, one in found.items()} == {
        "lenet5-float": (True, 1),
        "own-float": (True, 2),
        "good-float": (True, 1),
    }


@pytest.mark.large
@pytest.mark.filterwarnings("ignore")
def test_job_that_always_crashes_its_worker_costs_itself(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    found = run(crashing(tmp_path, always=True), store, retries=0)
    assert {name: (one.is_good, one.attempts) for name, one in found.items()} == {
        "lenet5-float": (True, 1),
        "own-float": (False, 1),
        "good-float": (True, 1),
    }
    assert "crashed (SIGSEGV)" in found["own-float"].error
    assert store.find(found["own-float"].job.key) is None


@pytest.mark.filterwarnings("ignore")
def test_failed_job_is_in_the_results_and_in_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crashing(tmp_path, always=True)
    out = tmp_path / "out"
    assert main(["sweep", str(tmp_path / "sweep.toml"), "--out", str(out), "--jobs", "2", "--retries", "0"]) == 1
    printed = capsys.readouterr()
    assert "own-float: the worker crashed (SIGSEGV)" in printed.out
    assert "job 3 of 3" in printed.err
    with (out / "results.csv").open() as file:
        table = {row["job"]: row for row in csv.DictReader(file)}
    assert {job: row["passed"] for job, row in table.items()} == {
        "lenet5-float": "True",
        "own-float": "False",
        "good-float": "True",
    }
    assert "SIGSEGV" in table["own-float"]["error"]
    assert "1 of 3 jobs failed" in (out / "index.html").read_text()
    assert (out / "exports" / "good-float" / "manifest.json").is_file()
    assert main(["verify", str(out / "exports" / "good-float")]) == 0


@pytest.mark.large
def test_worker_is_replaced_behind_code_of_the_user_and_kept_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[local.Worker] = []

    class Counted(local.Worker):
        def __init__(self, added: Any = None) -> None:
            super().__init__(added)
            begun.append(self)

    monkeypatch.setattr(local, "Worker", Counted)
    (tmp_path / "mark").touch()
    run(crashing(tmp_path, always=False), Store(str(tmp_path / "store")))
    assert len(begun) == 2
    run(jobs_of(tmp_path, FLOAT), Store(str(tmp_path / "store")))
    assert len(begun) == 3
    monkeypatch.setattr(local, "MOST_KEPT_BYTES", 1)
    run(jobs_of(tmp_path, FLOAT), Store(str(tmp_path / "other")))
    assert len(begun) == 6


def test_workers_share_the_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    added: list[Any] = []

    def start(environment: Any) -> Any:
        added.append(environment)
        raise OutsideError("not started")

    monkeypatch.setattr(local, "Worker", start)
    monkeypatch.setattr(local.cores, "count", lambda: 4)
    run(jobs_of(tmp_path, FLOAT)[:2], Store("memory://shared-cores"), at_once=2)
    assert {environment["ZOO_EXPORT_CORES"] for environment in added} == {"2"}
    assert {environment["TF_NUM_INTRAOP_THREADS"] for environment in added} == {"2"}


def wait(is_true: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    """Wait until a condition holds; a process that ends before is a failure."""
    given_up = threading.Event()
    clock = threading.Timer(PATIENCE_SECONDS, given_up.set)
    clock.start()
    try:
        while not is_true():
            assert not given_up.is_set()
            assert process is None or process.poll() is None, process.communicate()
            time.sleep(0.02)
    finally:
        clock.cancel()


def children(process: int) -> list[int]:
    """Return the processes below a process."""
    found = [process]
    for one in found:
        for path in Path(f"/proc/{one}/task").glob("*/children"):
            found += map(int, path.read_text().split())
    return found[1:]


def is_alive(process: int) -> bool:
    """Return whether a process runs."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
