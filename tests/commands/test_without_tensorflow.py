"""Commands on delivered files need neither TensorFlow nor Keras, not even in child processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.program import PROGRAM

ROOT = Path(__file__).parents[2]
ABSENT = ("tensorflow", "keras", "tf_keras", "tf2onnx", "ai_edge_quantizer")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which importing one of them fails and leaves a file."""
    for name in ABSENT:
        (tmp_path / "absent" / name).mkdir(parents=True)
        trace = tmp_path / f"{name}.imported"
        (tmp_path / "absent" / name / "__init__.py").write_text(
            f"open({str(trace)!r}, 'w').close()\nraise ImportError({name!r})\n"
        )
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path / "absent"), str(ROOT)])}


@pytest.mark.parametrize("command", ["verify", "run", "bench", "inspect"])
def test_command_does_not_import_tensorflow(
    command: str, exported: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "photo.png")
    arguments = {
        "verify": [str(exported)],
        "run": [str(exported), str(tmp_path / "photo.png")],
        "bench": [str(exported / "lenet5-int8.onnx"), "--runs", "1"],
        "inspect": [str(exported / "lenet5-int8.tflite")],
    }[command]
    result = subprocess.run([*PROGRAM, command, *arguments], env=environment, capture_output=True, text=True)
    assert (result.returncode, list(tmp_path.glob("*.imported"))) == (0, []), result.stderr


def test_import_guard_detects_tensorflow(tmp_path: Path, environment: dict[str, str]) -> None:
    result = subprocess.run([sys.executable, "-c", "import keras"], env=environment, capture_output=True)
    assert result.returncode == 1
    assert [path.name for path in tmp_path.glob("*.imported")] == ["keras.imported"]
