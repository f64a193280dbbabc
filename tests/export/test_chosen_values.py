"""Operators that choose or join values share one grid, and their files are proven in both formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from export.scheme import INT8, W8A16
from tests.export.own_export import exported, failures


def dense(x: Any) -> Any:
    return layers.Dense(10)(x)


def leaky(x: Any) -> Any:
    return ops.maximum(x, 0.1 * x)


def gated(x: Any) -> Any:
    values, gate = ops.split(x, 2, axis=1)
    return values * ops.sigmoid(gate)


CHOICES: dict[str, Callable[[Any], Any]] = {
    "leaky by a maximum": lambda x: leaky(dense(x)),
    "maximum of three": lambda x: ops.maximum(ops.maximum(dense(x), dense(x)), dense(x)),
    "minimum": lambda x: ops.minimum(dense(x), 2 * dense(x)),
    "clip": lambda x: ops.clip(dense(x), -0.5, 0.7),
    "selu": lambda x: ops.selu(dense(x)),
    "where": lambda x: ops.where(dense(x) > 0, dense(x), 3 * dense(x)),
    "stack": lambda x: ops.stack([dense(x), 3 * dense(x)], axis=1),
    "concatenate": lambda x: ops.concatenate([dense(x), 3 * ops.relu(dense(x))], axis=1),
    "gate": lambda x: gated(dense(x)),
    "almost zero before a bias": lambda x: layers.Dense(10, bias_initializer="ones")(1e-11 * dense(x)) + dense(x),
}


# The others run with the large tests.
QUICK = {"almost zero before a bias"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.large) for name in CHOICES]
)
def test_integer_files_of_both_formats_are_proven(name: str, tmp_path: Path) -> None:
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    x = keras.Input((12,), name="x")
    model = keras.Model(x, layers.Dense(3, name="scores")(layers.Flatten()(CHOICES[name](x))))
    for variable in model.trainable_variables:
        variable.assign(1.5 * variable.numpy())
    values = {"x": np.random.default_rng(0).normal(size=(110, 12)).astype(np.float32)}
    assert failures(exported(model, values, tmp_path, (INT8, W8A16))) == []


def test_input_that_no_layer_reads_is_kept(tmp_path: Path) -> None:
    keras.backend.clear_session()
    x, unread = keras.Input((12,), name="x"), keras.Input((3,), name="unread")
    model = keras.Model([x, unread], layers.Dense(3, name="scores")(dense(x)))
    random = np.random.default_rng(0)
    values = {name: random.normal(size=(110, size)).astype(np.float32) for name, size in (("x", 12), ("unread", 3))}
    delivery = exported(model, values, tmp_path, (INT8,))
    assert failures(delivery) == []
    assert all([one["name"] for one in file["inputs"]] == ["x", "unread"] for file in delivery.manifest["files"])
