"""Files of sweeps for the tests, and what they start."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from export.cli.sweep.definition import read
from export.cli.sweep.jobs import jobs
from export.sweep.job import Job
from tests.program import PROGRAM

ROOT = Path(__file__).resolve().parents[2]
FLOAT = """
models = ["lenet5"]
[options]
format = "tflite"
weights = "random"
probe-count = 2
[recipes.one]
seed = 1
[recipes.two]
seed = 2
[recipes.three]
seed = 3
"""


def written(folder: Path, content: str) -> Path:
    """Write the file of a sweep."""
    path = folder / "sweep.toml"
    path.write_text(content, encoding="utf-8")
    return path


def jobs_of(folder: Path, content: str) -> list[Job]:
    """Return the jobs of a sweep."""
    return jobs(read(written(folder, content)), folder / "out")


def started(*words: str | Path, folder: Path, **options: Any) -> subprocess.Popen[str]:
    """Start `zoo` in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [*PROGRAM, *map(str, words)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
