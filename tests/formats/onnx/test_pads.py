"""Zeros around an image stay zeros in front of a MaxPool, in every precision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnxruntime
import pytest
from keras import layers
from onnx import TensorProto, helper, numpy_helper

from export.scheme import FLOAT16, INT8, W8A16, W8A32
from tests.export.own_export import exported, failures

POOLS: dict[str, Callable[[Any], Any]] = {
    "without pads of its own": lambda x: layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x)),
    "with pads of its own": lambda x: layers.MaxPooling2D(3, 2, padding="same")(
        layers.ZeroPadding2D(((1, 0), (0, 2)))(x)
    ),
    "over time": lambda x: layers.MaxPooling1D(3, 2)(layers.ZeroPadding1D(2)(layers.Reshape((16, 24))(x))),
}


@pytest.mark.parametrize(
    "name",
    ["with pads of its own", *(pytest.param(one, marks=pytest.mark.large) for one in POOLS if "with pads" not in one)],
)
def test_largest_of_negative_numbers_and_a_zero_is_zero(name: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(6, 3, padding="same", bias_initializer=keras.initializers.Constant(-3.0))(image)
    model = keras.Model(image, layers.Dense(3, name="y")(layers.Flatten()(POOLS[name](x))))
    values = np.random.default_rng(0).normal(size=(110, 8, 8, 3)).astype(np.float32)
    schemes = (FLOAT16, INT8, W8A16, W8A32) if name == "with pads of its own" else (INT8,)
    assert failures(exported(model, {"image": values}, tmp_path, schemes)) == []


def test_the_runtime_still_merges_them() -> None:
    """Otherwise export/formats/onnx/pads.py is not needed any more."""
    constants = {"five": np.float32(-5), "zero": np.float32(0), "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1])}
    nodes = [
        helper.make_node("Add", ["x", "five"], ["low"]),
        helper.make_node("Pad", ["low", "pads", "zero"], ["wide"]),
    ]
    nodes.append(helper.make_node("MaxPool", ["wide"], ["y"], kernel_shape=[3, 3], strides=[2, 2]))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 6, 6])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 3, 3])
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "graph", [x], [y], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (found,) = onnxruntime.InferenceSession(model.SerializeToString()).run(
        None, {"x": np.zeros((1, 1, 6, 6), np.float32)}
    )
    assert found.min() == -5  # the corner is the largest of -5 and 0
