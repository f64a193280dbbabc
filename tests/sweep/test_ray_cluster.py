"""A sweep on a Ray cluster: the same results as on one machine, and a lost node costs the job that ran on it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import pytest

from export.sweep import on_ray
from export.sweep.job import Job, Outcome
from export.sweep.run import Way, outcomes
from export.sweep.store import MARKER, Store
from tests.sweep.files import FLOAT, jobs_of

ray = pytest.importorskip("ray", reason="the extra of clusters is not installed: pip install 'zoo-export[ray]'")
cluster_utils = pytest.importorskip("ray.cluster_utils")

pytestmark = [pytest.mark.large, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A cluster whose head runs no jobs."""
    found = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield found
    ray.shutdown()
    found.shutdown()


def run(jobs: list[Job], store: Store, address: str, retries: int = 1) -> dict[str, Outcome]:
    """Run jobs on a cluster."""
    way = Way(at_once=None, retries=retries, cluster=address)
    return {one.job.name: one for one in outcomes(jobs, store, way, lambda job, step: None)}


def own_jobs(folder: Path) -> list[Job]:
    """Return jobs of the zoo and of a file, whose samples lie beside it."""
    import numpy as np

    inputs = keras.Input((4,), name="rows")
    keras.Model(inputs, keras.layers.Dense(2)(inputs)).save(folder / "own.keras")
    np.save(folder / "rows.npy", np.random.default_rng(0).normal(size=(8, 4)).astype("float32"))
    models = 'models = ["lenet5", {model = "own.keras", calibration = "rows.npy"}]'
    return jobs_of(folder, f'{models}\n[options]\nformat = "tflite"\nprobe-count = 4\n[recipes.float]\nseed = 1')


def test_nodes_get_their_files_through_the_store(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_EXPORT_CACHE", str(tmp_path / "cache"))  # of the nodes that are started below
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    (tmp_path / "here").mkdir()
    jobs, store = own_jobs(tmp_path / "here"), Store(f"file://{tmp_path}/store")
    found = run(jobs, store, cluster.address)
    assert {name: (one.is_good, one.error) for name, one in found.items()} == {
        "lenet5-float": (True, ""),
        "own-float": (True, ""),
    }
    alone = run_here(jobs, Store(str(tmp_path / "alone")))
    for name, one in found.items():
        assert one.export is not None
        other = alone[name].export
        assert other is not None
        assert [file["words"]["file"] for file in one.export["files"]] == [
            file["words"]["file"] for file in other["files"]
        ]
        file = f"{one.export['name']}/{one.export['files'][0]['words']['file']}"
        assert store.read(one.export, file) == Store(str(tmp_path / "alone")).read(other, file)
    shutil.rmtree(tmp_path / "here")  # the results need it no more
    assert {one.attempts for one in run(jobs, store, cluster.address).values()} == {0}


def run_here(jobs: list[Job], store: Store) -> dict[str, Outcome]:
    """Run jobs on this machine."""
    way = Way(at_once=1)
    return {one.job.name: one for one in outcomes(jobs, store, way, lambda job, step: None)}


WAITING = """
import time
from pathlib import Path

import ray

folder = Path({folder!r})
(folder / f"busy-{{ray.get_runtime_context().get_node_id()}}").touch()
while not (folder / "released").exists():
    time.sleep(0.05)
"""


def waiting_jobs(folder: Path) -> list[Job]:
    """Return three jobs that say which node they run on, and wait there until they are released."""
    inputs = keras.Input((4,), name="rows")
    keras.Model(inputs, keras.layers.Dense(2)(inputs)).save(folder / "own.keras")
    (folder / "wait.py").write_text(WAITING.format(folder=str(folder)))
    own = 'models = [{model = "own.keras", import = "wait.py", random-calibration = true}]'
    return jobs_of(folder, FLOAT.replace('models = ["lenet5"]', own).replace('weights = "random"', ""))


@pytest.mark.parametrize("retries", [0, 1])
def test_lost_node_costs_the_job_that_ran_on_it(retries: int, cluster: Any, tmp_path: Path) -> None:
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    jobs, store = waiting_jobs(tmp_path), Store(str(tmp_path / "store"))
    has_ended = threading.Event()

    def lose() -> None:
        while len(list(tmp_path.glob("busy-*"))) < len(nodes) and not has_ended.wait(0.1):
            pass
        cluster.remove_node(next(node for node in nodes if (tmp_path / f"busy-{node.node_id}").exists()))
        (tmp_path / "released").touch()

    loser = threading.Thread(target=lose)
    loser.start()
    try:
        found = run(jobs, store, cluster.address, retries)
    finally:
        has_ended.set()
        loser.join()
    failed = [one for one in found.values() if not one.is_good]
    assert len(found) == 3
    assert len(failed) == (1 if retries == 0 else 0), [one.error for one in failed]
    assert all("on the cluster: " in one.error for one in failed)
    assert [store.find(job.key) is None for job in jobs].count(True) == len(failed)


def test_node_with_other_code_makes_nothing(cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.add_node(num_cpus=1)
    monkeypatch.setattr(on_ray, "code", lambda: "another version")
    jobs, store = jobs_of(tmp_path, FLOAT)[:1], Store(str(tmp_path / "store"))
    (found,) = run(jobs, store, cluster.address).values()
    assert "another version of zoo-export" in found.error
    assert not list((tmp_path / "store").rglob(MARKER))


def test_job_that_fails_on_a_node_stops_no_other(cluster: Any, tmp_path: Path) -> None:
    cluster.add_node(num_cpus=1)
    one, two, _ = jobs_of(tmp_path, FLOAT)
    broken = replace(one, recipe=replace(one.recipe, weights=str(tmp_path / "missing.weights.h5")))
    found = run([broken, two], Store(str(tmp_path / "store")), cluster.address)
    assert {name: outcome.is_good for name, outcome in found.items()} == {one.name: False, two.name: True}
