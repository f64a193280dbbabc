"""A file whose batch norms were never updated counts as untrained: float parity is proven, and no more is claimed."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from export.bundle.read import read
from export.bundle.report.rows import rows
from export.bundle.verify import verify
from export.model.loading import untrained
from export.progress import Quiet
from export.scheme import FLOAT32, INT8
from tests.export.own_export import exported


def network(norms: int) -> keras.Model:
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    x = y = keras.Input((8, 8, 2), name="image")
    for _ in range(norms):
        y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(y)))
    return keras.Model(x, layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling2D()(y)))


def test_all_batch_norms_as_initialized_mean_untrained() -> None:
    assert untrained.reason(network(5)) == "its 5 batch norms are as they were initialized, so it was never trained"
    assert untrained.reason(network(4)) == ""


def test_one_changed_statistic_means_trained() -> None:
    for name in ("gamma", "beta", "moving_mean", "moving_variance"):
        model = network(6)
        norm = next(layer for layer in model.layers if isinstance(layer, layers.BatchNormalization))
        variable = getattr(norm, name)
        variable.assign(variable + np.eye(4, dtype=np.float32)[0] * 0.01)
        assert untrained.reason(model) == ""


def test_an_untrained_file_is_delivered_and_said_to_be_untrained(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(120, 8, 8, 2)).astype(np.float32)
    delivery = exported(network(5), {"image": values}, tmp_path, (FLOAT32, INT8))
    assert delivery.passed
    assert delivery.manifest["proves"] == "float parity only: the weights are untrained"
    verdicts = {(row.scheme, row.verdict) for row in rows(delivery.manifest)}
    assert verdicts == {("float32", "proven"), ("int8", "runs")}


@pytest.mark.large
def test_files_that_no_one_can_compare_are_said_to_run_only(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    x = y = keras.Input((16,), name="row")
    for _ in range(60):
        large = keras.initializers.RandomNormal(stddev=1.5)
        y = layers.Activation("tanh")(layers.BatchNormalization()(layers.Dense(16, kernel_initializer=large)(y)))
    rows_ = np.random.default_rng(0).normal(size=(120, 16)).astype(np.float32)
    delivery = exported(keras.Model(x, layers.Dense(4)(y)), {"row": rows_}, tmp_path, (FLOAT32, INT8))
    assert {row.verdict for row in rows(delivery.manifest)} == {"runs"}
    assert delivery.folder is not None
    assert verify(read(delivery.folder), Quiet()).passed
    assert delivery.manifest["proves"] == "only that the files run: the weights are untrained, and magnify rounding"
