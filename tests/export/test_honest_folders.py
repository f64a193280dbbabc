"""`zoo verify` accepts what an export delivers, also of models with few weights, tables of words or loops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.bundle.read import read
from export.bundle.verify import verify
from export.pipeline import run
from export.progress import Quiet
from export.recipe import Recipe
from export.scheme import INT4, SCHEMES


def two_weights() -> Any:
    import keras

    values = keras.Input((2,), name="values")
    return keras.Model(values, keras.layers.Dense(1, name="output")(values))


def words() -> Any:
    import keras
    from keras import layers

    tokens = keras.Input((7,), dtype="int32", name="tokens")
    mean = layers.GlobalAveragePooling1D()(layers.Embedding(9, 4)(tokens))
    return keras.Model(tokens, layers.Dense(3, name="output")(mean))


def loop() -> Any:
    import keras
    from keras import layers

    steps = keras.Input((80, 3), name="steps")
    return keras.Model(steps, layers.Dense(2, name="output")(layers.LSTM(5)(steps)))


def no_weights() -> Any:
    import keras

    values = keras.Input((5,), name="values")
    return keras.Model(values, keras.ops.relu(values * 2.0))


@pytest.mark.large
@pytest.mark.parametrize("noise", [False, True], ids=["rows", "noise"])
@pytest.mark.parametrize("build", [two_weights, words, loop, no_weights])
def test_every_precision_of_a_small_model_is_verified(build: Callable[[], Any], noise: bool, tmp_path: Path) -> None:
    import keras

    keras.utils.set_random_seed(0)
    model, generator = build(), np.random.default_rng(7)
    model.save(tmp_path / "own.keras")
    (given,) = model.inputs
    shape = (120, *given.shape[1:])
    rows = generator.integers(0, 9, shape) if "int" in str(given.dtype) else generator.normal(size=shape)
    np.savez(tmp_path / "rows.npz", **{given.name: rows.astype(str(given.dtype))})  # type: ignore[arg-type]
    source = None if noise else str(tmp_path / "rows.npz")
    delivery = run(
        Recipe(
            model=str(tmp_path / "own.keras"),
            schemes=tuple(scheme for scheme in SCHEMES.values() if scheme != INT4),  # no layer has a block of inputs
            calibration=source,
            random_calibration=noise,
            out=tmp_path,
        )
    )
    assert delivery.folder is not None
    found = verify(read(delivery.folder), Quiet())
    failed = [
        str(check) for check in (*found.checks, *sum((file.checks for file in found.files), ())) if not check.passed
    ]
    assert failed == []
    assert found.passed == delivery.passed is True
