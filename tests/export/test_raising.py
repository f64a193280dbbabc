"""`--raise` keeps layers of an int8 file, named as in Keras, in higher precision."""

from __future__ import annotations

import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from export.cli.main import main
from export.model.graph import copy, names_in_copy
from export.model.tensor_spec import TensorSpec
from export.proof import compare
from export.quantization.mixed_precision import check, inner_paths, tensors, weighted
from export.quantization.tensor_map import Attribution
from export.recipe import Width
from export.scheme import FLOAT16, FLOAT32, INT8, INT8_DYNAMIC
from tests.export.own_export import exported, failures
from zoo.errors import UsageProblemError

STEP = Attribution(tensor="r;b;c", call="relu", group=("conv", "norm", "relu"), weighted=("conv", "norm"))
INSIDE = Attribution(tensor="m", call="attention", weighted=("attention",))
FILE = {"r;b;c": STEP, "m": INSIDE}


@pytest.mark.parametrize("layer", ["conv", "norm", "relu"])
def test_any_layer_of_a_step_names_its_result(layer: str) -> None:
    assert tensors({layer: Width.INT16}, FILE, {}) == {"r;b;c": Width.INT16}


def test_step_inside_a_layer_belongs_to_the_layer() -> None:
    assert tensors({"attention": Width.W8A32}, FILE, {}) == {"m": Width.W8A32}


def test_wider_of_two_widths_for_one_tensor_is_used() -> None:
    assert tensors({"conv": Width.FLOAT32, "relu": Width.INT16}, FILE, {}) == {"r;b;c": Width.FLOAT32}


def backbone_and_head() -> keras.Model:
    """Return a model of one inside of it, each with a layer of the name `conv`."""
    keras.utils.set_random_seed(0)
    seen = keras.Input((8, 8, 4), name="seen")
    inner = keras.layers.BatchNormalization(name="norm")(keras.layers.Conv2D(4, 3, name="conv")(seen))
    image = keras.Input((8, 8, 4), name="image")
    backbone = keras.Model(seen, inner, name="backbone")
    return keras.Model(image, keras.layers.Conv2D(3, 1, name="conv")(backbone(image)))


def test_layers_of_inner_models_have_the_names_of_the_flat_copy() -> None:
    model = backbone_and_head()
    names = names_in_copy(model)
    assert names == {"backbone/conv": "backbone_conv", "backbone/norm": "norm", "conv": "conv"}
    copied, _ = copy(model, lambda _: None)
    assert {layer.name for layer in copied.layers} == {"image", *names.values()}


@pytest.mark.parametrize(
    ("word", "expected"),
    [("norm", {"b"}), ("backbone/norm", {"b"}), ("backbone_conv", {"b"}), ("backbone/conv", {"b"}), ("conv", {"h"})],
)
@pytest.mark.parametrize("named_as", ["in the model", "in the copy"])
def test_layer_of_an_inner_model_has_two_valid_names(word: str, expected: set[str], named_as: str) -> None:
    model = backbone_and_head()
    names = names_in_copy(model) if named_as == "in the copy" else {}
    calls = [names.get(name, name) for name in ("backbone/conv", "backbone/norm", "conv")]
    file = {
        "b": Attribution(tensor="b", call=calls[1], group=tuple(calls[:2]), weighted=tuple(calls[:1])),
        "h": Attribution(tensor="h", call=calls[2], weighted=tuple(calls[2:])),
    }
    check(model, {word: Width.INT16})
    assert set(tensors({word: Width.INT16}, file, inner_paths(model))) == expected
    assert weighted([word], file, inner_paths(model)) == ({"backbone_conv"} if expected == {"b"} else {"conv"})


def test_layer_without_a_tensor_in_the_file_is_rejected() -> None:
    with pytest.raises(UsageProblemError, match="the file computes nothing for this layer"):
        tensors({"dropout": Width.INT16}, FILE, {})


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--int8", "--raise", "logit"], "unknown layer 'logit'; did you mean 'logits'?"),
        (["--int8", "--raise", "c5=int12"], "unknown width 'int12'; did you mean 'int16'?"),
        (["--raise", "c5"], "--raise applies to layers of the int8 file; add --int8"),
    ],
)
def test_invalid_options_are_refused(
    words: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "lenet5", *words, "--out", str(tmp_path)]) == 2
    assert f"error: {expected}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_file_with_raised_layers_is_proven_printed_and_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--int8", "--raise", "c3=int16", "--raise", "logits"]
    assert main(["export", "lenet5", *words, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "int8, 2 layers wider" in printed
    assert "in higher precision: c3, logits" in printed
    folder = tmp_path / "lenet5"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert [file["raised"] for file in manifest["files"]] == [{"c3": "int16", "logits": "float32"}] * 2
    words_of_page = re.sub(r"<[^>]+>", "", (folder / "report.html").read_text())
    assert "--raise c3=int16 --raise logits=float32" in words_of_page
    assert main(["verify", str(folder)]) == 0
    assert "int8, 2 layers wider" in capsys.readouterr().out


@pytest.mark.large
def test_folder_whose_golden_samples_lack_the_largest_error_is_verified(tmp_path: Path) -> None:
    with np.load(Path(__file__).parents[1] / "data" / "fashion_mnist_500.npz") as arrays:
        np.savez(tmp_path / "rows.npz", image=arrays["calibration_photos"])
    words = ["--int8", "--raise", "c3=w8a32", "--calibration", str(tmp_path / "rows.npz"), "--out", str(tmp_path)]
    assert main(["export", "lenet5", *words]) == 0
    assert main(["verify", str(tmp_path / "lenet5")]) == 0


@pytest.mark.parametrize(("tipped", "zeroed", "passed"), [(0.5, None, True), (0.5, 3, False), (1.5, None, False)])
def test_formats_of_a_mixed_file_differ_by_less_than_from_the_model(
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
    checks = compare.agreement(*outputs, {"logits": spec}, INT8, model={"logits": true})
    assert all(check.passed for check in checks) == passed


def test_only_files_that_magnify_steps_are_compared_relative_to_fidelity() -> None:
    assert not compare.magnifies(INT8, {}, trained=True)
    assert not compare.magnifies(FLOAT16, {}, trained=False)
    assert compare.magnifies(INT8, {"conv": "float32"}, trained=True)
    assert compare.magnifies(INT8, {}, trained=False)
    assert compare.magnifies(INT8_DYNAMIC, {}, trained=False)
    assert not compare.magnifies(INT8_DYNAMIC, {}, trained=True)


@pytest.mark.large
@pytest.mark.parametrize("raised", [{"lstm": Width.INT16}, {"lstm": Width.FLOAT32}, {"head": Width.FLOAT32}])
def test_layers_of_a_network_with_a_float_loop_are_raised(raised: dict[str, Width], tmp_path: Path) -> None:
    x = keras.Input((100, 3), name="x")
    states = keras.layers.LSTM(8, name="lstm")(x)
    model = keras.Model(x, keras.layers.Dense(4, name="head")(states))
    rows = np.random.default_rng(0).normal(size=(100, 100, 3)).astype(np.float32)
    delivery = exported(model, {"x": rows}, tmp_path, (FLOAT32, INT8), raised=raised)
    assert failures(delivery) == []
