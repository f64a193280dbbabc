"""A disk without room for the files is named before the work begins."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from export.preflight.check import check
from export.recipe import Recipe
from export.scheme import FLOAT32, INT8
from training import preflight
from training.recipe import TrainingRecipe
from zoo.errors import OutsideError


class Usage(NamedTuple):
    """What `shutil.disk_usage` returns, as far as it is read."""

    free: int


def with_free(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    def usage(_folder: Any) -> Usage:
        return Usage(free)

    monkeypatch.setattr(shutil, "disk_usage", usage)


def test_an_export_needs_room_for_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(model="vgg16", weights="random", schemes=(FLOAT32, INT8), out=tmp_path / "out")
    with_free(monkeypatch, 4 << 30)
    check(recipe)
    with_free(monkeypatch, 1 << 30)
    with pytest.raises(OutsideError, match=r"need at least 1\.38 GB, and the disk of .* has 1\.07 GB left"):
        check(recipe)
    assert not (tmp_path / "out").exists()


def test_a_small_network_fits_on_a_nearly_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_free(monkeypatch, 1 << 20)
    check(Recipe(model="lenet5", out=tmp_path))


def test_a_training_run_needs_room_for_its_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("cat", "dog"):
        (tmp_path / kind).mkdir()
        for index in range(2):
            Image.new("RGB", (9, 9), (index, 0, 0)).save(tmp_path / kind / f"{index}.png")
    recipe = TrainingRecipe(model="vgg16", data=str(tmp_path), weights="random", out=tmp_path / "mine.keras")
    with_free(monkeypatch, 4 << 30)
    preflight.check(recipe)
    with_free(monkeypatch, 1 << 30)
    with pytest.raises(OutsideError, match="the run needs about"):
        preflight.check(recipe)
