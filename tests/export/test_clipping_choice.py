"""Ranges that are clipped by sensitivity are used unless a file shows that they cost accuracy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from calibration.ranges import Ranges
from export.formats.enclosure import Enclosure
from export.metrics import compare
from export.quantization import clipping_choice, described, sensitivity
from export.scheme import INT8
from tests.export.own_export import exported


def digest(folder: Path, **settings: Any) -> str:
    keras.backend.clear_session()  # Names of earlier models would be in the file.
    keras.utils.set_random_seed(0)
    x = keras.Input((8,), name="x")
    model = keras.Model(x, layers.Dense(3, name="y")(layers.Dense(16, activation="tanh")(x)))
    values = np.random.default_rng(0).normal(size=(110, 8)).astype(np.float32)
    folder.mkdir()
    manifest = exported(model, {"x": values}, folder, (INT8,), formats=("tflite",), **settings).manifest
    files = [*manifest["files"], *manifest["not_delivered"]]
    digests = (file["sha256"] for file in files if file["precision"] == "int8")
    return next(digests)


@pytest.mark.parametrize(("share", "kept"), [(0.3, False), pytest.param(0.99, True, marks=pytest.mark.large)])
def test_clipped_ranges_are_used_unless_they_cost_half_a_decibel(
    share: float, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def clipped(model: Any, samples: Any, ranges: Ranges, *arguments: Any, **settings: Any) -> Ranges:
        cut = {name: (low * share, high * share) for name, (low, high) in ranges.by_tensor.items()}
        return replace(ranges, by_tensor=cut)

    def unclipped(model: Any, samples: Any, ranges: Ranges, *arguments: Any, **settings: Any) -> Ranges:
        return ranges

    compared: list[int] = []

    def noted(**outputs: Any) -> Any:
        compared.append(len(outputs["reference"]))
        return compare(**outputs)

    # The description of a file states the digest of the weights' file, which every save changes.
    monkeypatch.setattr(described, "_enclosure", lambda *_: Enclosure())
    monkeypatch.setattr(sensitivity, "choose", unclipped)
    whole = digest(tmp_path / "whole")
    monkeypatch.setattr(sensitivity, "choose", clipped)
    monkeypatch.setattr(clipping_choice, "compare", noted)
    found = digest(tmp_path / "clipped")
    assert (found != whole) == kept
    assert set(compared) == {60}  # all that calibrate: rare values, which clipping cuts, are in few samples
