"""Weights are signed only where neighbouring products fit into 16 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from export.formats.onnx.saturation import is_safe, sign_safe_weights


@pytest.mark.parametrize(
    ("row", "safe"),
    [
        ([127, 1, 127], True),
        ([127, 2], False),
        ([-127, -2], False),
        ([127, -127], True),
        ([1, 127, 127, 0], True),
    ],
)
def test_row_is_safe_if_neighbouring_products_fit_into_16_bits(row: list[int], safe: bool) -> None:
    assert is_safe(np.array([row], np.int16)) is safe
    sums = [sum(row[start : start + 2]) for start in range(0, len(row), 2)]
    assert all(-32768 <= 255 * total <= 32767 for total in sums) is safe


def graph_of(kernel: Any) -> Any:
    """Return a graph of one convolution with the stored uint8 `kernel`."""
    nodes = [
        helper.make_node("DequantizeLinear", ["kernel", "scale", "zero"], ["real"]),
        helper.make_node("Conv", ["x", "real"], ["y"]),
    ]
    stored = {"kernel": kernel, "scale": np.float32(0.1), "zero": np.uint8(128)}
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in stored.items()]
    return helper.make_graph(nodes, "one", [], [], tensors)


@pytest.mark.parametrize(("second", "kind"), [(129, np.int8), (130, np.uint8)])
def test_only_safe_layers_get_signed_weights_of_equal_value(second: int, kind: type) -> None:
    graph = graph_of(np.array([255, second], np.uint8).reshape(1, 2, 1, 1))
    sign_safe_weights(graph)
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    kernel, zero = (stored[name].astype(int) for name in (graph.node[0].input[0], graph.node[0].input[2]))
    assert stored[graph.node[0].input[0]].dtype == kind
    assert (kernel - zero).ravel().tolist() == [127, second - 128]
    assert isinstance(graph, onnx.GraphProto)
