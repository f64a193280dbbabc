"""`--raise`: layers of an int8 file that are wider, named as in the Keras model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from export import proof
from export.attribution import Attribution
from export.cli import main
from export.raising import tensors
from export.recipe import Precision, Width
from export.targets.session import TensorSpec
from zoo.errors import UsageProblemError

STEP = Attribution(tensor="r;b;c", call="relu", group=("conv", "norm", "relu"), weighted=("conv", "norm"))
INSIDE = Attribution(tensor="m", call="attention", weighted=("attention",))
FILE = {"r;b;c": STEP, "m": INSIDE}


@pytest.mark.parametrize("layer", ["conv", "norm", "relu"])
def test_any_layer_of_a_step_means_its_result(layer: str) -> None:
    assert tensors({layer: Width.INT16}, FILE) == {"r;b;c": Width.INT16}


def test_a_step_inside_of_a_layer_belongs_to_it() -> None:
    assert tensors({"attention": Width.W8A32}, FILE) == {"m": Width.W8A32}


def test_the_wider_of_two_words_for_one_tensor_counts() -> None:
    assert tensors({"conv": Width.FLOAT32, "relu": Width.INT16}, FILE) == {"r;b;c": Width.FLOAT32}


def test_a_layer_that_leaves_nothing_in_the_file_is_refused() -> None:
    with pytest.raises(UsageProblemError, match="the file computes nothing for this layer"):
        tensors({"dropout": Width.INT16}, FILE)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--int8", "--raise", "logit"], "unknown layer 'logit'; did you mean 'logits'?"),
        (["--int8", "--raise", "c5=int12"], "unknown width 'int12'; did you mean 'int16'?"),
        (["--raise", "c5"], "--raise widens layers of the int8 file; type --int8 with it"),
    ],
)
def test_wrong_words_are_refused(
    words: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "lenet5", *words, "--out", str(tmp_path)]) == 2
    assert f"error: {expected}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_raised_file_is_proven_told_and_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--int8", "--raise", "c3=int16", "--raise", "logits"]
    assert main(["export", "lenet5", *words, "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "int8, 2 layers wider" in told
    assert "raised: c3, logits" in told
    folder = tmp_path / "lenet5"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert [file["raised"] for file in manifest["files"]] == [{"c3": "int16", "logits": "float32"}] * 2
    assert "--raise c3=int16 --raise logits=float32" in (folder / "report.html").read_text()
    assert main(["verify", str(folder)]) == 0
    assert "int8, 2 layers wider" in capsys.readouterr().out


@pytest.mark.parametrize(("tipped", "zeroed", "passed"), [(0.5, None, True), (0.5, 3, False), (1.5, None, False)])
def test_two_formats_of_a_mixed_file_differ_by_less_than_each_lacks(
    tipped: float, zeroed: int | None, passed: bool
) -> None:
    """Outputs of 10 classes, as one file rounds them, and as another does in which some steps tip over."""
    generator = np.random.default_rng(0)
    true, own, other = (scale * generator.normal(size=(64, 10)) for scale in (1.0, 0.05, 0.05 * tipped))
    sibling, derived = true + own, true + own + other
    if zeroed is not None:
        derived[:, zeroed] = 0.0
    spec = TensorSpec(name="logits", shape=(1, 10), dtype="float32")
    outputs = ({"logits": values} for values in (sibling, derived))
    checks = proof.agreement(*outputs, {"logits": spec}, Precision.INT8, model={"logits": true})
    assert all(check.passed for check in checks) == passed


def test_only_files_that_magnify_single_steps_are_held_to_their_fidelity() -> None:
    assert not proof.magnifies(Precision.INT8, {}, trained=True)
    assert not proof.magnifies(Precision.FLOAT16, {}, trained=False)
    assert proof.magnifies(Precision.INT8, {"conv": "float32"}, trained=True)
    assert proof.magnifies(Precision.INT8, {}, trained=False)
