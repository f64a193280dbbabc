"""A key changes with all that decides a result, and with nothing else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from export import cache
from export.cli.option_words import chosen_passes
from export.recipe import Budget, Io, Recipe, Width
from export.scheme import FLOAT16, INT8
from export.sweep.keys import UNDECIDING, export_key, pack_key
from zoo.errors import OutsideError, UsageProblemError

# Another value of every field of a recipe that is no path.
OTHER: dict[str, Any] = {
    "model": "mobilenet",
    "options": {"alpha": 0.5},
    "schemes": (INT8, FLOAT16),
    "formats": ("onnx",),
    "input_shapes": {"image": (1, 9)},
    "unsafe_lambda": True,
    "weights": "random",
    "calibration": "mnist",
    "calibration_count": 7,
    "random_calibration": True,
    "reconstruct": False,
    "unroll": 3,
    "streaming": True,
    "allow_select_tf_ops": True,
    "passes": chosen_passes({"prune": "0.5"}),
    "raised": {"c1": Width.FLOAT32},
    "diagnose": True,
    "observer": "mse",
    "preprocessing": "unit",
    "probe_count": 3,
    "evaluate": "mnist",
    "budget": Budget(max_bytes=1000),
    "io": Io.UINT8,
    "opset": 17,
    "dynamic_batch": True,
    "seed": 1,
    "keep_failed": True,
}
BASE = Recipe(model="lenet5", schemes=(INT8,))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A model, photos, a table of photos and a file of Python."""
    inputs = keras.Input((4,))
    keras.Model(inputs, keras.layers.Dense(2)(inputs)).save(tmp_path / "own.keras")
    (tmp_path / "photos").mkdir()
    for number in range(2):
        Image.new("L", (8, 8), number).save(tmp_path / "photos" / f"{number}.png")
    (tmp_path / "labels.csv").write_text("file,class\nphotos/0.png,a\nphotos/1.png,b\n")
    (tmp_path / "layers.py").write_text("VALUE = 1\n")
    np.save(tmp_path / "rows.npy", np.zeros((3, 4), np.float32))
    return tmp_path


def test_every_field_of_a_recipe_is_covered() -> None:
    assert {field.name for field in fields(Recipe)} == {*OTHER, *UNDECIDING, "original", "imports"}


@pytest.mark.parametrize("name", OTHER)
def test_every_field_that_decides_changes_the_key(name: str) -> None:
    base = BASE if name != "options" else replace(BASE, model="mobilenet")
    assert export_key(replace(base, **{name: OTHER[name]})) != export_key(base)


@pytest.mark.parametrize(("name", "value"), [("out", Path("elsewhere")), ("use_cache", False), ("sign", "key.pem")])
def test_where_files_are_written_changes_nothing(name: str, value: Any) -> None:
    assert export_key(replace(BASE, **{name: value})) == export_key(BASE)


def test_going_on_with_an_evaluation_changes_nothing() -> None:
    evaluated = replace(BASE, evaluate=OTHER["evaluate"])
    assert export_key(replace(evaluated, resume=True)) == export_key(evaluated)


def test_order_of_pruning_passes_decides() -> None:
    one, two = chosen_passes({"prune": "0.5"}), chosen_passes({"prune_channels": "0.3"})
    assert export_key(replace(BASE, passes=(*one, *two))) != export_key(replace(BASE, passes=(*two, *one)))


CONTENT = {
    "model": lambda folder: Recipe(model=str(folder / "own.keras")),
    "calibration": lambda folder: replace(BASE, calibration=str(folder / "photos")),
    "evaluate": lambda folder: replace(BASE, evaluate=str(folder / "labels.csv")),
    "rows": lambda folder: replace(BASE, calibration=str(folder / "rows.npy")),
    "original": lambda folder: replace(BASE, original=str(folder / "own.keras")),
    "weights": lambda folder: replace(BASE, weights=str(folder / "own.keras")),
    "imports": lambda folder: replace(BASE, imports=(str(folder / "layers.py"),)),
}
READ = {
    "model": "own.keras",
    "calibration": "photos/1.png",
    "evaluate": "photos/1.png",  # which the table lists
    "rows": "rows.npy",
    "original": "own.keras",
    "weights": "own.keras",
    "imports": "layers.py",
}


@pytest.mark.parametrize("kind", CONTENT)
def test_content_of_files_decides_and_their_folder_and_time_do_not(
    kind: str, files: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    recipe: Callable[[Path], Recipe] = CONTENT[kind]
    before = export_key(recipe(files))
    moved = tmp_path_factory.mktemp("moved") / "folder"
    shutil.copytree(files, moved)
    for path in moved.rglob("*"):
        os.utime(path, (1, 1))
    assert export_key(recipe(moved)) == before
    changed = moved / READ[kind]
    changed.write_bytes(changed.read_bytes() + b"\n")
    assert export_key(recipe(moved)) != before


def test_new_photo_decides(files: Path) -> None:
    recipe = replace(BASE, calibration=str(files / "photos"))
    before = export_key(recipe)
    Image.new("L", (8, 8)).save(files / "photos" / "new.png")
    assert export_key(recipe) != before


def test_name_of_a_model_file_decides_because_files_are_named_by_it(files: Path) -> None:
    (files / "own.keras").rename(files / "other.keras")
    shutil.copy(files / "other.keras", files / "own.keras")
    assert export_key(Recipe(model=str(files / "own.keras"))) != export_key(Recipe(model=str(files / "other.keras")))


def test_code_and_libraries_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    before = export_key(BASE)
    monkeypatch.setattr("export.sweep.keys.surroundings", lambda: b"other libraries")
    assert export_key(BASE) != before
    monkeypatch.setattr("export.sweep.keys.surroundings", lambda: None)
    with pytest.raises(OutsideError, match="pip install"):
        export_key(BASE)


def test_libraries_that_only_carry_results_do_not_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.metadata

    version = importlib.metadata.version

    def changed(library: str) -> Callable[[str], str]:
        return lambda name: "0.0" if name == library else version(name)

    keys = {}
    for library in ("none", "fsspec", "tensorflow", "ai-edge-quantizer"):
        monkeypatch.setattr(importlib.metadata, "version", changed(library))
        cache.surroundings.cache_clear()
        keys[library] = export_key(BASE)
    cache.surroundings.cache_clear()
    assert keys["fsspec"] == keys["none"]
    assert len({keys["none"], keys["tensorflow"], keys["ai-edge-quantizer"]}) == 3


def test_device_decides_about_its_folder_only() -> None:
    key = export_key(BASE)
    assert len({key, pack_key(key, "android"), pack_key(key, "browser"), pack_key("other", "android")}) == 4
    assert pack_key(key, "android") == pack_key(key, "android")


def test_function_that_returns_samples_has_no_content() -> None:
    with pytest.raises(UsageProblemError, match=r"write them to an \.npz"):
        export_key(replace(BASE, calibration="module:function"))
