"""The self-check of the page judges outputs as that of a device does, and no share of steps hides a wrong class."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.bundle.deploy.on_device.comparison import compare
from export.bundle.deploy.on_device.model import ModelFile, Tensor
from export.scheme import INT8, INT8_DYNAMIC, W8A16, Scheme

HERE = Path(__file__).parent
STEP = 1 / 16
SHAPE = (8, 1000)
MODEL = np.random.default_rng(0).normal(0, 2, SHAPE)

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")


def noisy(values: np.ndarray, deviation_steps: float, seed: int = 2) -> np.ndarray:
    """Return stored values with an error of so many steps (standard deviation)."""
    error = np.random.default_rng(seed).normal(0, deviation_steps, SHAPE)
    return np.clip(np.rint(values + error), -128, 127).astype(np.int8)


RECORDED = noisy(MODEL / STEP, 3, seed=1)


def changed(steps: int, count: int = 1) -> np.ndarray:
    """Return the recorded outputs with the best classes of each sample so many steps lower."""
    values = RECORDED.astype(int)
    best = np.argsort(values, axis=1)[:, -count:]
    np.put_along_axis(values, best, np.take_along_axis(values, best, 1) - steps, 1)
    return values.astype(np.int8)


def without_best() -> np.ndarray:
    """Return the recorded outputs with zeros for the 15 best classes of each sample."""
    values = RECORDED.copy()
    np.put_along_axis(values, np.argsort(values, axis=1)[:, -15:], 0, 1)
    return values


def array(values: np.ndarray) -> dict[str, Any]:
    return {"dtype": values.dtype.name, "shape": values.shape, "data": values.ravel().tolist()}


def checked(
    found: np.ndarray, recorded: np.ndarray, model: np.ndarray, scheme: Scheme, scale: float | None, folder: Path
) -> Any:
    """Return what the page says about outputs (N, ...) of a file."""
    spec = {"name": "y", "shape": [1, *found.shape[1:]], "dtype": found.dtype.name, "scale": scale}
    record = {
        "file": "m",
        "precision": scheme.name,
        "is_dynamic": scheme.is_dynamic,
        "has_integer_activations": scheme.needs_calibration,
        "inputs": [],
        "outputs": [{**spec, "zero_point": None if scale is None else 0}],
    }
    case = folder / "case.json"
    arrays = {"stored/m/y": array(recorded), "model/y": array(model.astype(np.float32))}
    case.write_text(json.dumps({"record": record, "arrays": arrays, "found": found.tolist()}))
    command = ["node", str(HERE / "self_check_outputs.mjs"), str(case)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(done.stdout)
    return result


def on_device(found: np.ndarray, recorded: np.ndarray, scale: float | None) -> tuple[bool, str]:
    """Return what the self-check of a device says about the same outputs of an int8 file."""
    zero_point = None if scale is None else 0
    tensor = Tensor(name="y", shape=SHAPE, dtype=found.dtype.name, scale=scale, zero_point=zero_point)
    file = ModelFile(
        path=Path("m"),
        precision=INT8.name,
        is_dynamic=False,
        has_integer_activations=True,
        is_decoder=False,
        takes_camera_bytes=False,
        sha256="",
        inputs=(),
        outputs=(tensor,),
    )
    result = compare(file, {"y": found}, {"y": recorded}, {"y": MODEL.astype(np.float32)})
    return result.passed, result.words.removeprefix("y: ")


@pytest.mark.parametrize(
    ("found", "passed", "words"),
    [
        (RECORDED, True, "identical"),
        (changed(1, 1000), True, "100.0 % within one step, 1 at most"),
        (changed(4, 15), True, "98.5 % within one step, 4 at most"),
        (changed(5), True, "rounded otherwise here"),  # as near to the model as at the export
        (without_best(), False, "rounded otherwise here"),
        (changed(4, 21), True, "rounded otherwise here"),
        (noisy(RECORDED, 1.2), True, "rounded otherwise here"),
        (noisy(RECORDED, 2.5), False, "rounded otherwise here"),  # lost more than a decibel
        (noisy(MODEL / STEP, 3, seed=5), False, "rounded otherwise here"),  # another file's outputs
        (RECORDED[:, ::-1], False, "rounded otherwise here"),
    ],
    ids=["equal", "a step", "4 steps", "5 steps", "no best", "many", "rounded", "lost", "unrelated", "reversed"],
)
def test_integers(found: np.ndarray, passed: bool, words: str, tmp_path: Path) -> None:
    result = checked(found, RECORDED, MODEL, INT8, STEP, tmp_path)
    assert (result["passed"], result["samples"]) == (passed, len(MODEL)), result
    assert result["words"].startswith(words)


@pytest.mark.parametrize(
    "found",
    [changed(4, 21), noisy(RECORDED, 1.2), noisy(RECORDED, 2.5), RECORDED[:, ::-1]],
    ids=["many", "rounded", "lost", "reversed"],
)
def test_integers_that_are_rounded_otherwise_are_judged_as_on_a_device(found: np.ndarray, tmp_path: Path) -> None:
    result = checked(found, RECORDED, MODEL, INT8, STEP, tmp_path)
    assert (result["passed"], result["words"]) == on_device(found, RECORDED, STEP)


def test_integers_of_a_poor_file_share_something_with_those_of_the_export(tmp_path: Path) -> None:
    """Where the file is far from the Keras model at the export already, being as near to that model is worth little."""
    found = np.rint(RECORDED * 0.2).astype(np.int8)
    result = checked(found, RECORDED, np.random.default_rng(6).normal(0, 2, SHAPE), INT8, STEP, tmp_path)
    assert result["words"].startswith("rounded otherwise here, 1.9 dB from the export")
    assert not result["passed"]


@pytest.mark.parametrize(("deviation_steps", "passed"), [(1.2, True), (2.5, False)])
def test_integer_files_with_real_outputs(deviation_steps: float, passed: bool, tmp_path: Path) -> None:
    recorded = (RECORDED * STEP).astype(np.float32)
    found = (noisy(RECORDED, deviation_steps) * STEP).astype(np.float32)
    result = checked(found, recorded, MODEL, INT8, None, tmp_path)
    assert (result["passed"], result["words"]) == on_device(found, recorded, None)
    assert result["passed"] is passed


@pytest.mark.parametrize(
    ("scheme", "error", "passed"),
    [
        (W8A16, 1e-3, True),
        (W8A16, 3e-2, False),  # 36 dB; nearer than to the model, but files of 16 bits differ less
        (INT8_DYNAMIC, 1e-2, True),
        (INT8_DYNAMIC, 1, False),
    ],
    ids=["w8a16", "w8a16 far", "dynamic", "dynamic far"],
)
def test_other_files_keep_their_limits(scheme: Scheme, error: float, passed: bool, tmp_path: Path) -> None:
    recorded = (RECORDED * STEP).astype(np.float32)
    found = (recorded + np.random.default_rng(4).normal(0, error, SHAPE)).astype(np.float32)
    result = checked(found, recorded, MODEL, scheme, None, tmp_path)
    assert result["passed"] is passed, result
