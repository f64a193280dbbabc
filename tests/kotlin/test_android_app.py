"""The packed app compiles against published signatures, carries the golden data, and is refused for other models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from export.bundle import golden
from export.bundle.deploy.packed_files import CHECKSUMS
from export.bundle.snippets.rendering import in_kotlin
from export.cli.main import main
from tests.browser.conftest import exported
from tests.kotlin.compiler import MISSING, STUBS, compiled

__all__ = ["exported"]

CODE, ASSETS = "app/src/main/kotlin/org/zooexport/app", "app/src/androidTest/assets"
# Bytes of the camera and float outputs; floats in and out; integers in and out.
EXPORTS = {
    "camera bytes": ("lenet5", "--int8", "--no-reconstruct"),
    "float32": ("lenet5", "--precision", "float32"),
    "int8": ("lenet5", "--int8", "--io", "int8", "--no-reconstruct"),
    "uint8": ("lenet5", "--int8", "--io", "uint8", "--no-reconstruct"),
}


def packed(export: Path, out: Path, *words: str) -> Path:
    assert main(["pack", str(export), "--target", "android", "--out", str(out), *words]) == 0
    return out


@pytest.mark.skipif(MISSING != "", reason=MISSING)
@pytest.mark.parametrize(
    "kind", ["int8", *(pytest.param(one, marks=pytest.mark.large) for one in EXPORTS if one != "int8")]
)
def test_the_app_compiles(kind: str, exported: Callable[..., Path], tmp_path: Path) -> None:
    folder = packed(exported(*EXPORTS[kind]), tmp_path / "app")
    words = compiled([*folder.rglob("*.kt"), *STUBS.glob("*.kt")], tmp_path / "classes")
    assert "warning" not in words.replace("warning: unable to find kotlin", ""), words


@pytest.mark.parametrize("kind", EXPORTS)
def test_the_app_carries_what_its_self_check_compares(kind: str, exported: Callable[..., Path], tmp_path: Path) -> None:
    export = exported(*EXPORTS[kind])
    folder = packed(export, tmp_path / "app")
    samples = golden.read(export / "golden.npz")
    (file,) = (folder / "app/src/main/assets").glob("*.tflite")
    assert file.read_bytes() == (export / file.name).read_bytes()
    ((_, stored),) = samples.stored[file.name].items()
    model_file = (folder / CODE / "ModelFile.kt").read_text()
    assert f"GOLDEN_SAMPLES = {len(stored)}\n" in model_file
    assert f"OUTPUT_BYTES = {stored[0].nbytes}\n" in model_file
    assert f"RUNS_COMPILED = {str(kind in ('float32', 'int8')).lower()}\n" in model_file
    for index, output in enumerate(stored):
        assert (folder / ASSETS / f"output{index}.bin").read_bytes() == output.tobytes()
    sizes = {(folder / ASSETS / f"input{index}.bin").stat().st_size for index in range(len(stored))}
    assert sizes == {32 * 32 * (4 if kind == "float32" else 1)}
    assert len({(folder / ASSETS / f"input{index}.bin").read_bytes() for index in range(len(stored))}) > 1
    assert np.unique(stored).size > 1
    assert (folder / CHECKSUMS).is_file()


def test_precision_is_chosen(exported: Callable[..., Path], tmp_path: Path) -> None:
    export = exported("lenet5", "--precision", "float32,int8", "--no-reconstruct")
    folder = packed(export, tmp_path / "app", "--precision", "float32")
    assert [file.name for file in (folder / "app/src/main/assets").glob("*.tflite")] == ["lenet5-float32.tflite"]
    assert "IS_EXACT = false" in (folder / CODE / "ModelFile.kt").read_text()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("minilm", "--int8"), "minilm is for"),
        (("unet", "--int8"), "unet is for segmentation"),
        (("lenet5", "--format", "onnx"), "add --format tflite"),
    ],
)
def test_other_networks_are_refused_before_anything_starts(
    words: tuple[str, ...], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", *words, "--target", "android", "--out", str(tmp_path)]) == 2
    assert reason in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_a_network_of_ones_own_that_is_no_classifier_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import keras

    image = keras.Input((16, 16, 3), name="image")
    keras.Model(image, keras.layers.Conv2D(4, 3)(image)).save(tmp_path / "mine.keras")
    words = ["--preprocessing", "unit", "--random-calibration", "--out", str(tmp_path / "out")]
    assert main(["export", str(tmp_path / "mine.keras"), *words]) == 0
    capsys.readouterr()
    assert main(["pack", str(tmp_path / "out" / "mine"), "--target", "android"]) == 2
    assert "the app shows the classes of a photo" in capsys.readouterr().err


@pytest.mark.parametrize(("units", "activation"), [(1, "linear"), (1, "sigmoid"), (4, "sigmoid")])
def test_numbers_and_decisions_are_no_classes(
    units: int, activation: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import keras

    image = keras.Input((16, 16, 3), name="image")
    means = keras.layers.GlobalAveragePooling2D()(image)
    keras.Model(image, keras.layers.Dense(units, activation)(means)).save(tmp_path / "mine.keras")
    words = ["--preprocessing", "unit", "--random-calibration", "--format", "tflite", "--out", str(tmp_path / "out")]
    assert main(["export", str(tmp_path / "mine.keras"), *words]) == 0
    capsys.readouterr()
    assert main(["pack", str(tmp_path / "out" / "mine"), "--target", "android"]) == 2
    assert "the app shows the classes of a photo" in capsys.readouterr().err


def test_texts_of_a_model_do_not_become_code() -> None:
    assert in_kotlin('pri$ce "${x}" é\f') == '"pri\\$ce \\"\\${x}\\" \\u00e9\\u000c"'
