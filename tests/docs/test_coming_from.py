"""The programs of other tools on the page `coming_from.md` run, and what they write can be proven."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.program import PROGRAM

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/coming_from.md").read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in PAGE.split("\n## ")[1:]}
WRITTEN = {
    "TFLiteConverter": "my.tflite",
    "tf2onnx": "my.onnx",
    "ONNX Runtime's quantizer": "my-int8.onnx",
    "tensorflow-model-optimization": "pruned.h5",
}
MODEL = """
import keras
import numpy as np

keras.utils.set_random_seed(0)
image = keras.Input((16, 16, 3))
x = keras.layers.Conv2D(8, 3, activation="relu")(image)
model = keras.Model(image, keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(x)))
samples = np.random.default_rng(0).random((64, 16, 16, 3), dtype=np.float32)
model.compile("adam", "mse")
model.fit(samples, np.random.default_rng(1).random((64, 4)), verbose=0, epochs=2)
model.save("my.keras")
np.save("samples.npy", samples)
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a command in a folder with a model and samples."""
    folder = tmp_path_factory.mktemp("coming_from")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done

    run(sys.executable, "-c", MODEL)
    return run


def commands(section: str, program: str) -> list[list[str]]:
    """Return the commands of a program in a section, as words; a backslash continues a line."""
    lines = re.sub(r" \\\n\s+", " ", section).splitlines()
    return [line.split() for line in lines if line.startswith(f"    {program} ")]


def test_every_tool_has_a_program_and_ours_beside_it() -> None:
    assert [*WRITTEN, "Ultralytics"] == list(SECTIONS)
    for name, section in SECTIONS.items():
        assert f"(#{re.sub(r'[^a-z0-9 -]', '', name.lower()).replace(' ', '-')})" in PAGE
        assert commands(section, "zoo")
        assert commands(section, "yolo" if name == "Ultralytics" else "zoo")
        assert ("```python" in section) == (name in WRITTEN)


@pytest.mark.large
def test_the_programs_of_the_other_tools_run(run: Run) -> None:
    for name, file in WRITTEN.items():
        (code,) = re.findall(r"```python\n(.*?)```", SECTIONS[name], re.DOTALL)
        run(sys.executable, "-c", code)
        for words in commands(SECTIONS[name], "python"):
            run(sys.executable, *words[1:])
        assert run(sys.executable, "-c", f"import os; print(os.path.getsize({file!r}))").stdout.strip() != "0"


@pytest.mark.large
@pytest.mark.parametrize("name", ["TFLiteConverter", "tf2onnx", "ONNX Runtime's quantizer"])
def test_our_command_beside_them_writes_proven_files(name: str, run: Run) -> None:
    ((_, *words),) = commands(SECTIONS[name], "zoo")
    run(*PROGRAM, *words)
