"""Operators of transformers and sequence models are exported to both formats, one small model per operator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from export import pipeline
from export.bundle.report.rows import rows
from export.formats import FORMATS
from export.formats.onnx import operators
from export.recipe import Recipe
from export.scheme import FLOAT32, INT8, W8A32

L = keras.layers
STEPS, WIDTH, COUNT = 12, 16, 48

OPERATORS: dict[str, Callable[[Any], Any]] = {
    "BATCH_MATMUL": lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1))),
    "CUMSUM": lambda x: ops.cumsum(x, axis=1) * 0.1,
    "Expm1": ops.celu,
    "EXPAND_DIMS": lambda x: ops.squeeze(ops.expand_dims(x, 1) * 2.0, 1),
    "GELU": lambda x: ops.gelu(x, approximate=False),
    "GELU, approximate": lambda x: ops.gelu(x, approximate=True),
    "Log1p": lambda x: ops.log1p(ops.abs(x)),
    "REDUCE_MAX": lambda x: ops.max(x, axis=-1, keepdims=True) + x,
    "REDUCE_MIN": lambda x: ops.min(x, axis=1, keepdims=True) + x,
    "RELU_N1_TO_1, fused": lambda x: ops.clip(L.Dense(WIDTH)(x), -1.0, 1.0),
    "RSQRT": lambda x: ops.rsqrt(ops.square(x) + 0.5),
    "SQRT": lambda x: ops.sqrt(ops.abs(x) + 0.01),
    "SELECT_V2": lambda x: ops.where(x > 0.0, x, x * 0.3 - 0.1),
    "SQUARED_DIFFERENCE": lambda x: ops.square(x - ops.mean(x, axis=-1, keepdims=True)),
    "SUM": lambda x: ops.sum(x, axis=1),
}


# The others run with the large tests.
QUICK = {"GELU", "RSQRT", "SQUARED_DIFFERENCE"}


@pytest.mark.parametrize(
    "operator", [pytest.param(name, marks=() if name in QUICK else pytest.mark.large) for name in OPERATORS]
)
def test_operator_is_proven_in_every_precision_and_format(operator: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    x = keras.Input((STEPS, WIDTH), name="x")
    keras.Model(x, L.Dense(4)(OPERATORS[operator](L.Dense(WIDTH)(x)))).save(tmp_path / "model.keras")
    samples = np.random.default_rng(0).normal(size=(COUNT, STEPS, WIDTH)).astype(np.float32)
    np.savez(tmp_path / "samples.npz", x=samples)
    delivery = pipeline.run(
        Recipe(
            model=str(tmp_path / "model.keras"),
            calibration=str(tmp_path / "samples.npz"),
            schemes=(FLOAT32, INT8, W8A32),
            calibration_count=32,
            probe_count=16,
            out=tmp_path,
        )
    )
    assert {(row.scheme, row.format): row.verdict for row in rows(delivery.manifest)} == {
        (scheme, suffix): "proven" for scheme in ("float32", "int8", "w8a32") for suffix in (".tflite", ".onnx")
    }


def test_no_operator_hides_a_handler_of_tf2onnx() -> None:
    """An operator that a newer tf2onnx converts itself is to be removed here."""
    operators.register()
    from tf2onnx.handler import tf_op

    own = "export.formats.onnx.operators"
    for name in operators.BUILDS:
        handlers = [level[name][0] for level in tf_op.get_opsets()[""] if name in level]
        assert [handler.__module__ for handler in handlers] == [own], name


def test_buckets_and_exclusive_or_are_those_of_keras(tmp_path: Path) -> None:
    x = keras.Input((6,), name="x")
    buckets = L.Discretization(bin_boundaries=[-0.5, 0.0, 0.25, 1.0])(x)
    either = ops.logical_xor(x > 0.3, x < -0.2)
    model = keras.Model(x, [ops.cast(buckets, "float32"), ops.cast(either, "float32")])
    path = tmp_path / "model.onnx"
    path.write_bytes(FORMATS["onnx"].convert(model))
    values = np.array([[-2.0, -0.5, 0.0, 0.2, 0.25, 3.0]], np.float32)
    found = FORMATS["onnx"].open(path).run({"x": values})
    for one, expected in zip(found.values(), model(values), strict=True):
        np.testing.assert_array_equal(one, expected)
