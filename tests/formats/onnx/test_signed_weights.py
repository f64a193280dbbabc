"""Weights of layers that round their inputs as they run: signed where no CPU can saturate, unsigned elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.formats.onnx.dynamic import OFFSET, rewrite


def rewritten(weights: Any) -> tuple[Any, Any]:
    """Return the stored weights (inputs, outputs) and their zero point of a product that `rewrite` has changed."""
    inputs, outputs = weights.shape
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, inputs])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [3, outputs])
    stored = {
        "table": weights.astype(np.int8),
        "scales": np.ones(outputs, np.float32),
        "zeros": np.zeros(outputs, np.int8),
    }
    nodes = [
        helper.make_node("DequantizeLinear", ["table", "scales", "zeros"], ["real"], axis=1),
        helper.make_node("MatMul", ["x", "real"], ["y"]),
    ]
    initializers = [numpy_helper.from_array(values, name) for name, values in stored.items()]
    graph = helper.make_graph(nodes, "graph", [x], [y], initializers)
    rewrite(graph)
    (product,) = (node for node in graph.node if node.op_type == "MatMulInteger")
    found = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    return found[product.input[1]], found[product.input[3]]


def with_pair(axis: int, start: int = 0) -> Any:
    """Return small weights (inputs, outputs) with two large neighbours along an axis."""
    weights = np.random.default_rng(0).integers(-1, 2, (8, 6))
    place = (slice(start, start + 2), 3) if axis == 0 else (3, slice(start, start + 2))
    weights[place] = 127
    return weights


def test_small_weights_are_signed() -> None:
    weights = np.random.default_rng(0).integers(-60, 60, (8, 6))
    stored, zero = rewritten(weights)
    assert (stored.dtype, zero.dtype, int(zero)) == (np.int8, np.int8, 0)
    assert np.array_equal(stored, weights)


@pytest.mark.parametrize("start", [0, 2, 6])
def test_two_large_neighbours_among_the_inputs_make_all_weights_unsigned(start: int) -> None:
    """Their products with 255 exceed 16 bits together, in which some CPUs add them."""
    weights = with_pair(axis=0, start=start)
    stored, zero = rewritten(weights)
    assert (stored.dtype, zero.dtype, int(zero)) == (np.uint8, np.uint8, OFFSET)
    assert np.array_equal(stored.astype(int) - OFFSET, weights)


@pytest.mark.parametrize(("axis", "start"), [(1, 0), (1, 2), (0, 1)])
def test_weights_that_are_never_added_in_16_bits_may_be_large(axis: int, start: int) -> None:
    """Neighbours among the outputs, and inputs 1 and 2, which belong to different pairs."""
    stored, _ = rewritten(with_pair(axis=axis, start=start))
    assert stored.dtype == np.int8
