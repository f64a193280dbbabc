"""A store holds whole results only, whenever a writer is killed and however many write at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest

from export.sweep.store import MARKER, Store, inside
from zoo.errors import OutsideError, UsageProblemError

KEY = "ab" * 32


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A folder with two files."""
    folder = tmp_path / "content"
    (folder / "lenet5").mkdir(parents=True)
    (folder / "lenet5" / "a.bin").write_bytes(b"a" * 1000)
    (folder / "manifest.json").write_text("{}")
    return folder


@pytest.fixture(params=["folder", "file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store."""
    urls = {
        "folder": str(tmp_path / "store"),
        "file": f"file://{tmp_path}/store",
        "memory": f"memory://{uuid.uuid4().hex}/sweeps",
    }
    return Store(urls[request.param])


def test_result_is_found_with_its_files(store: Store, content: Path, tmp_path: Path) -> None:
    assert store.find(KEY) is None
    record = store.put(KEY, {"passed": True}, inside(content))
    again = Store(store.url)
    assert again.find(KEY) == record
    assert record["passed"]
    assert again.read(record, "lenet5/a.bin") == b"a" * 1000
    again.fetch(record, tmp_path / "fetched")
    found = sorted(path.relative_to(tmp_path / "fetched").as_posix() for path in (tmp_path / "fetched").rglob("*.*"))
    assert found == ["lenet5/a.bin", "manifest.json"]
    assert again.find("cd" * 32) is None


def test_second_result_replaces_the_first_and_leaves_its_files_to_those_who_read_them(
    store: Store, content: Path
) -> None:
    first = store.put(KEY, {"number": 1}, inside(content))
    second = store.put(KEY, {"number": 2}, inside(content))
    assert store.find(KEY) == second
    assert store.read(first, "lenet5/a.bin") == store.read(second, "lenet5/a.bin")


@pytest.mark.parametrize("marker", [b"", b"{", b"[]", b'{"schema": "other"}', b'{"key": "x"}'])
def test_damaged_record_counts_as_missing(marker: bytes, content: Path, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    store.put(KEY, {}, inside(content))
    (path,) = (tmp_path / "store").rglob(MARKER)
    path.write_bytes(marker)
    assert store.find(KEY) is None
    assert store.find(KEY) != store.put(KEY, {}, inside(content)) == store.find(KEY)


@pytest.mark.parametrize("attempt", ["../../../..", "1-00000000/../..", "", None, 7])
def test_record_that_names_another_folder_counts_as_missing(attempt: object, content: Path, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    record = store.put(KEY, {}, inside(content))
    marker = Path(store.place(record)).parent / MARKER
    marker.write_text(json.dumps({**record, "attempt": attempt}))
    assert store.find(KEY) is None


def test_attempts_that_nothing_names_are_removed_after_a_day(content: Path, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    folder = tmp_path / "store" / "results" / KEY[:2] / KEY
    old, recent = folder / f"{int(time.time()) - 2 * 24 * 3600}-dead", folder / f"{int(time.time()) - 60}-busy"
    for attempt in (old, recent):
        attempt.mkdir(parents=True)
        (attempt / "half.bin").write_bytes(b"half")
    record = store.put(KEY, {}, inside(content))
    assert sorted(path.name for path in folder.iterdir()) == sorted([MARKER, recent.name, record["attempt"]])


WRITER = """
import sys
from pathlib import Path
from export.sweep.store import Store, inside
store = Store(sys.argv[1])
number = 0
while True:
    number += 1
    store.put(f"{number % 3:064x}", {"number": number}, inside(Path(sys.argv[2])))
    print(number, flush=True)
"""


def test_killed_writers_leave_whole_results(content: Path, tmp_path: Path) -> None:
    for name in range(20):
        (content / f"{name}.bin").write_bytes(os.urandom(20_000))
    names = sorted(path.relative_to(content).as_posix() for path in content.rglob("*") if path.is_file())
    url = str(tmp_path / "store")
    for delay in range(8):
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER, url, str(content)], stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline()  # it has begun
        time.sleep(0.004 * delay)
        for writer in writers:
            writer.kill()
            writer.communicate()
        store = Store(url)
        for marker in (tmp_path / "store").rglob(MARKER):
            record = store.find(marker.parent.name)
            assert record == json.loads(marker.read_text())
            assert record is not None
            for name in names:
                assert store.read(record, name) == (content / name).read_bytes()


def test_threads_that_write_and_read_at_once_see_whole_results(content: Path, tmp_path: Path) -> None:
    store, found = Store(str(tmp_path / "store")), []
    store.put(KEY, {"number": -1}, inside(content))

    def write() -> None:
        for number in range(20):
            store.put(KEY, {"number": number}, inside(content))

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        record = store.find(KEY)
        assert record is not None
        found.append(store.read(record, "lenet5/a.bin"))
    assert set(found) == {b"a" * 1000}


@pytest.mark.parametrize("url", ["nonsense://x/y", "s3x://bucket"])
def test_unknown_kind_of_store_is_named(url: str) -> None:
    with pytest.raises(UsageProblemError, match="--store"):
        Store(url)


def test_store_that_cannot_be_written_is_named(content: Path, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(OutsideError, match="cannot be used"):
        Store(str(tmp_path / "store")).put(KEY, {}, inside(content))


def test_only_a_memory_store_is_not_shared(tmp_path: Path) -> None:
    assert not Store("memory://a").is_shared
    assert Store(str(tmp_path)).is_shared
    assert Store(str(tmp_path)).folder == tmp_path
