"""A device needs the packages of the project's own requirements and one runtime; what is missing is named."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.cli.doctor.dependencies import DEPENDENCIES
from export.missing import PACKAGES
from tests.program import PROGRAM

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUNTIMES = {"tflite": ("ai_edge_litert",), "onnx": ("onnxruntime", "onnx")}


def start_without(hidden: set[str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `zoo` where importing the hidden modules fails as if they were not installed."""
    (folder / "sitecustomize.py").write_text(
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {sorted(hidden)!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "from importlib import metadata\n"
        "known = metadata.version\n"
        "def version(name):\n"
        f"    if name.replace('-', '_') in {sorted(hidden)!r}:\n"
        "        raise metadata.PackageNotFoundError(name)\n"
        "    return known(name)\n"
        "metadata.version = version\n"
    )
    path = os.pathsep.join([str(folder), str(ROOT)])
    return subprocess.run(
        [*PROGRAM, *arguments], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )


def all_but(kept: str) -> set[str]:
    """Return the modules that an installation without extras lacks, with one runtime beside it."""
    return set(PACKAGES) - set(RUNTIMES[kept])


def test_every_package_of_the_extra_is_named_where_it_is_missing() -> None:
    extra = {name.split(">")[0].split("<")[0] for name in PROJECT["optional-dependencies"]["export"]}
    modules = {one.module.partition(".")[0] for one in DEPENDENCIES if one.distribution in extra}
    assert modules <= set(PACKAGES)


@pytest.mark.parametrize("kept", RUNTIMES)
@pytest.mark.parametrize("command", ["verify", "run", "bench", "inspect"])
def test_one_runtime_is_enough(command: str, kept: str, exported: Path, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "photo.png")
    file = f"lenet5-int8.{kept}"
    arguments = {
        "verify": [str(exported), "--format", kept],
        "run": [str(exported), str(tmp_path / "photo.png"), "--file", file],
        "bench": [str(exported / file), "--runs", "1"],
        "inspect": [str(exported / file)],
    }[command]
    done = start_without(all_but(kept), tmp_path, command, *arguments)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "FOLDER", "photo.png", "--file", "lenet5-int8.onnx"], "pip install onnxruntime onnx"),
        (["bench", "FOLDER/lenet5-int8.onnx"], "pip install onnxruntime onnx"),
        (["export", "lenet5"], "pip install 'zoo-export[export]'"),
    ],
)
def test_a_missing_package_is_named_with_what_to_type(
    arguments: list[str], words: str, exported: Path, tmp_path: Path
) -> None:
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "photo.png")
    places = {"FOLDER": str(exported), "photo.png": str(tmp_path / "photo.png")}
    typed = [words_of(word, places) for word in arguments]
    done = start_without(all_but("tflite"), tmp_path, *typed)
    assert done.returncode == 3
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def words_of(word: str, places: dict[str, str]) -> str:
    """Return a word with the names of places replaced."""
    for name, path in places.items():
        word = word.replace(name, path)
    return word


def test_files_without_a_runtime_fail_alone(exported: Path, tmp_path: Path) -> None:
    done = start_without(all_but("tflite"), tmp_path, "verify", str(exported))
    assert done.returncode == 1
    assert "pip install onnxruntime onnx" in " ".join(done.stdout.split())
    assert "2 of 4 model files verified" in done.stdout
