"""Temporary folders that a killed run left are removed by a later one, and no others."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from export import temporary
from export.bundle.atomic_folder import Destination
from zoo.errors import OutsideError


def test_only_old_folders_of_dead_processes_are_swept(tmp_path: Path) -> None:
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    dead = int(child.stdout)
    names = {
        "left": f"zoo-export-{dead}-abc",
        "young": f"zoo-export-{dead}-def",
        "alive": f"zoo-export-{os.getpid()}-abc",
        "older name": "zoo-export-abcdef",
        "another program's": f"other-{dead}-abc",
    }
    day_ago = time.time() - temporary.OLD_SECONDS - 60
    for kind, name in names.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("content")
        if kind != "young":
            os.utime(tmp_path / name, (day_ago, day_ago))
    (tmp_path / "target").mkdir()
    (tmp_path / f"zoo-export-{dead}-link").symlink_to(tmp_path / "target")
    assert temporary.sweep(tmp_path) == (tmp_path / names["left"],)
    assert {path.name for path in tmp_path.iterdir()} == {
        *(name for kind, name in names.items() if kind != "left"),
        *("target", f"zoo-export-{dead}-link"),
    }


def test_a_folder_names_its_process() -> None:
    with temporary.folder() as folder:
        assert Path(folder).name.startswith(f"zoo-export-{os.getpid()}-")


def test_folders_that_a_failure_left_empty_are_removed_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    with suppress(KeyboardInterrupt), temporary.no_empty_folders(tmp_path / "before" / "a" / "b"):
        (tmp_path / "before" / "a" / "b").mkdir(parents=True)
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == [tmp_path / "before"]
    assert list((tmp_path / "before").iterdir()) == []
    with temporary.no_empty_folders(tmp_path / "c" / "d"):
        (tmp_path / "c" / "d").mkdir(parents=True)
        (tmp_path / "c" / "file").touch()
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["file"]


def test_an_export_that_cannot_write_its_files_leaves_no_folder(tmp_path: Path) -> None:
    destination = Destination(tmp_path / "new" / "artifacts", "net")
    with pytest.raises(OutsideError), destination.replaced() as new:
        (new / "missing" / "file").write_text("")
    assert list(tmp_path.iterdir()) == []
