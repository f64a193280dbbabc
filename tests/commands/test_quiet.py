"""Commands print results on stdout, and on stderr progress, warnings and errors of ours: nothing of a library."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from export.cli.main import command_names
from tests.program import PROGRAM

ROOT = Path(__file__).resolve().parents[2]
# A step or the usual duration of an export, an error, a hint, a warning, the result of an epoch.
OURS = re.compile(r"- \S|error: |see: |warning: |\w+: epoch \d+ of \d+: loss ")
# Wherever they are printed.
FOREIGN = re.compile(
    r"absl|cuda|oneDNN|TensorFlow binary|fontconfig|\bW0000|\bI0000|\bE0000|UserWarning|DeprecationWarning|Traceback",
    re.IGNORECASE,
)


def run(*words: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a shell would, in an environment that sets nothing for TensorFlow."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "CUDA", "KERAS", "GLOG"))}
    environment = {**known, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*PROGRAM, *map(str, words)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def commands(exported: Path, clothes: Path) -> dict[str, list[list[str | Path]]]:
    """Return command lines for every command that ends by itself, by its name."""
    int8 = exported / "lenet5-int8.tflite"
    photo = next(clothes.rglob("*.png"))
    return {
        "list": [["list"]],
        "show": [["show", "lenet5"], ["show", "lenet5", "--diagram", "lenet5.svg"]],
        "inspect": [["inspect", int8], ["inspect", int8, "--layers", "--samples", exported.parent / "calibration.npz"]],
        "doctor": [["doctor", "keras"]],
        "cache": [["cache"]],
        "train": [["train", "lenet5", "--data", clothes, "--epochs", "1"]],
        "export": [["export", "lenet5", "--int8"]],
        "sweep": [["sweep", "sweep.toml"]],
        "pack": [["pack", exported, "--target", "raspberry-pi", "--out", "packed"]],
        "prove": [["prove", int8, "--model", "lenet5"]],
        "verify": [["verify", exported]],
        "run": [["run", exported, photo]],
        "bench": [["bench", int8, "--runs", "2"]],
    }


@pytest.fixture(scope="module")
def clothes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty photos of two classes of Fashion-MNIST."""
    import numpy as np
    from PIL import Image

    folder = tmp_path_factory.mktemp("clothes")
    with np.load(ROOT / "tests/data/fashion_mnist_500.npz") as arrays:
        photos, labels = arrays["photos"], arrays["labels"]
    for kind in (1, 5):
        (folder / f"kind{kind}").mkdir()
        for index in np.flatnonzero(labels == kind)[:20]:
            Image.fromarray(photos[index, ..., 0]).save(folder / f"kind{kind}" / f"{index}.png")
    return folder


SLOW = ("train", "prove", "sweep")
NAMES = [
    pytest.param(name, marks=pytest.mark.large if name in SLOW else ()) for name in command_names() if name != "serve"
]


@pytest.mark.parametrize("name", NAMES)
def test_command_prints_nothing_of_a_library(name: str, exported: Path, clothes: Path, tmp_path: Path) -> None:
    (tmp_path / "sweep.toml").write_text('models = ["lenet5"]\n[recipes.int8]\nint8 = true\n')
    for words in commands(exported, clothes)[name]:
        done = run(*words, folder=tmp_path)
        strange = [line for line in done.stderr.splitlines() if not OURS.match(line)]
        assert strange == []
        assert not FOREIGN.search(done.stdout + done.stderr)
        assert done.returncode in (0, 1)
        assert done.stdout  # the result
        assert not re.search(r"^- |^error: |this usually takes", done.stdout, re.MULTILINE)


def test_failure_is_told_on_stderr_alone(exported: Path, tmp_path: Path) -> None:
    content = (exported / "lenet5-int8.tflite").read_bytes()
    (tmp_path / "cut.tflite").write_bytes(content[: len(content) // 2])
    done = run("inspect", "cut.tflite", folder=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("error: ")
    assert "cut.tflite" in done.stderr
