"""Samples from a user's function are used for calibration and proof."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from export import INT8, Recipe, run


def test_function_provides_samples_for_calibration_and_proof(tmp_path: Path) -> None:
    with np.load(Path(__file__).parents[1] / "data" / "fashion_mnist_500.npz", allow_pickle=False) as arrays:
        photos = arrays["photos"][:48]

    def samples() -> Iterator[dict[str, Any]]:
        for photo in photos:
            yield {"image": photo / np.float32(255)}

    recipe = Recipe(model="lenet5", schemes=(INT8,), formats=("tflite",), out=tmp_path, calibration_count=24)
    delivery = run(recipe, calibration_function=samples)
    assert delivery.passed
    assert "samples" in delivery.manifest["calibration"]["source"]
    assert delivery.manifest["calibration"]["count"] + delivery.manifest["probe"]["count"] == 48


def test_proof_on_few_samples_prints_a_warning(tmp_path: Path) -> None:
    photos = np.random.default_rng(0).uniform(0, 1, (6, 32, 32, 1)).astype(np.float32)
    recipe = Recipe(model="lenet5", formats=("tflite",), out=tmp_path, calibration_count=3, probe_count=3)
    delivery = run(recipe, calibration_function=lambda: [{"image": photo} for photo in photos])
    assert any("only 3 samples" in warning for warning in delivery.manifest["probe"]["warnings"])
