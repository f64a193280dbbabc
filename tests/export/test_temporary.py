"""Temporary folders that a killed run left are removed by a later one, and no others."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from export import temporary


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
