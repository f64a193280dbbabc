"""w8a16 files of networks that normalize by a reciprocal root are as near to the model as 16 bits allow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.scheme import W8A16, W8A32
from tests.export.own_export import exported, failures

NORMALIZATIONS: dict[str, Callable[[], Any]] = {}


def normalization(make: Callable[[], Any]) -> Callable[[], Any]:
    NORMALIZATIONS[make.__name__] = make
    return make


@normalization
def layer_norm() -> Any:
    from keras import layers

    return layers.LayerNormalization()


@normalization
def rms_norm() -> Any:
    from keras import layers

    return layers.RMSNormalization()


@normalization
def group_norm() -> Any:
    from keras import layers

    return layers.GroupNormalization(4)


@normalization
def unit_norm() -> Any:
    from keras import layers

    return layers.UnitNormalization()


def signals(count: int = 160) -> np.ndarray:
    """Return signals of different loudness, whose variances reach from nearly zero to their largest."""
    random = np.random.default_rng(0)
    loudness = random.uniform(0.05, 1, size=(count, 1, 1))
    return (random.normal(size=(count, 16, 8)) * loudness).astype(np.float32)


def network(normalize: Any) -> Any:
    from keras import Input, Model, layers

    signal = Input((16, 8), name="signal")
    hidden = layers.Conv1D(16, 3, activation="relu")(signal)
    return Model(signal, layers.Dense(3, name="moments")(layers.Flatten()(normalize(hidden))))


QUICK = {"rms_norm"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.large) for name in NORMALIZATIONS]
)
def test_both_files_with_16_bit_activations_are_proven_and_as_good_as_with_float_activations(
    name: str, tmp_path: Path
) -> None:
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    model, values = network(NORMALIZATIONS[name]()), signals()
    model.compile(keras.optimizers.Adam(3e-3), "mse")
    targets = np.stack([values.mean(axis=(1, 2)), values.std(axis=(1, 2)), values.max(axis=(1, 2))], axis=1)
    model.fit(values, targets, epochs=6, verbose=0)
    delivery = exported(model, {"signal": values}, tmp_path, (W8A16, W8A32))
    assert failures(delivery) == []
    found = {file["file"]: file["comparisons"]["moments"]["sqnr_db"] for file in delivery.manifest["files"]}
    for suffix in ("tflite", "onnx"):
        assert found[f"own-w8a16.{suffix}"] > found[f"own-w8a32.{suffix}"] - 1
