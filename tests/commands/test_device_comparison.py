"""A device may round integers otherwise, but lose nothing; floats and files that round as they run have limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export.bundle.deploy.on_device.comparison import compare
from export.bundle.deploy.on_device.model import ModelFile, Tensor

STEP = 0.1
MODEL = np.random.default_rng(0).normal(0, 3, (8, 100))


def file_of(precision: str, scale: float | None = None) -> ModelFile:
    tensor = Tensor(
        name="y",
        shape=(1, 100),
        dtype="int8" if scale else "float32",
        scale=scale,
        zero_point=0 if scale else None,
    )
    return ModelFile(
        path=Path(f"m-{precision}.tflite"),
        precision=precision,
        is_dynamic=precision == "int8_dynamic",
        has_integer_activations=precision == "int8",
        is_decoder=False,
        takes_camera_bytes=False,
        sha256="",
        inputs=(),
        outputs=(tensor,),
    )


def steps(error_steps: float, seed: int = 1) -> np.ndarray:
    """Return the model's outputs with an error of so many steps (standard deviation), stored as integers."""
    error = np.random.default_rng(seed).normal(0, error_steps * STEP, MODEL.shape)
    return np.clip(np.rint((MODEL + error) / STEP), -128, 127).astype(np.int8)


RECORDED = steps(3)


@pytest.mark.parametrize(
    ("found", "passed"),
    [
        (RECORDED, True),
        (np.clip(RECORDED.astype(int) + 1, -128, 127).astype(np.int8), True),  # one step everywhere
        (np.clip(RECORDED + np.rint(np.random.default_rng(2).normal(0, 1.2, MODEL.shape)), -128, 127), True),
        (np.clip(RECORDED + np.rint(np.random.default_rng(2).normal(0, 2.5, MODEL.shape)), -128, 127), False),
        (steps(3, seed=5), False),  # as near to the model, but another file's outputs
        (RECORDED[:, ::-1], False),
        (np.repeat(RECORDED[:1], len(RECORDED), 0), False),
    ],
    ids=["identical", "one step", "rounded", "lost a decibel", "unrelated", "reversed", "constant"],
)
def test_integers_are_as_near_to_the_model_as_at_the_export(found: np.ndarray, passed: bool) -> None:
    result = compare(file_of("int8", STEP), {"y": found.astype(np.int8)}, {"y": RECORDED}, {"y": MODEL})
    assert result.passed is passed, result.words
    assert result.is_identical is bool(np.array_equal(found, RECORDED))


@pytest.mark.parametrize(
    ("precision", "error", "passed"),
    [
        ("float32", 1e-6, True),
        ("float32", 1e-3, False),
        ("int8_dynamic", 1e-2, True),
        ("int8_dynamic", 0.3, False),
    ],
)
def test_floats_have_limits(precision: str, error: float, passed: bool) -> None:
    recorded = MODEL.astype(np.float32)
    found = recorded + error * np.random.default_rng(3).normal(0, 1, MODEL.shape).astype(np.float32)
    assert compare(file_of(precision), {"y": found}, {"y": recorded}, {"y": MODEL}).passed is passed


def test_few_outputs_may_not_be_far_off() -> None:
    found = RECORDED.copy()
    found[:, :1] = -found[:, :1]  # 1 % of the outputs, such as the class that wins
    result = compare(file_of("int8", STEP), {"y": found}, {"y": found * 0 + RECORDED}, {"y": RECORDED * STEP})
    assert not result.passed


def test_numbers_that_are_none_never_pass() -> None:
    recorded = MODEL.astype(np.float32)
    found = recorded.copy()
    found[3, 4] = np.nan
    result = compare(file_of("float32"), {"y": found}, {"y": recorded}, {"y": MODEL})
    assert not result.passed
    assert "NaN" in result.words
