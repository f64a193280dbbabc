"""Samples from a caller's own function reach calibration and proof."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from export import Precision, Recipe, run


def test_a_function_feeds_calibration_and_proof(tmp_path: Path) -> None:
    with np.load(Path(__file__).parents[1] / "data" / "fashion_mnist_500.npz", allow_pickle=False) as arrays:
        photos = arrays["photos"][:48]

    def samples() -> Iterator[dict[str, Any]]:
        for photo in photos:
            yield {"image": photo / np.float32(255)}

    recipe = Recipe(
        model="lenet5", precisions=(Precision.INT8,), formats=("tflite",), out=tmp_path, calibration_count=24
    )
    delivery = run(recipe, calibration_function=samples)
    assert delivery.passed
    assert "samples" in delivery.manifest["calibration"]["source"]
    assert delivery.manifest["calibration"]["count"] + delivery.manifest["probe"]["count"] == 48
