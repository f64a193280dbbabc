"""Float inputs of an int8 .onnx are rounded as LiteRT rounds them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from export.formats.onnx import float_inputs, requantize
from export.formats.onnx.graph import Graph
from export.formats.onnx.split import seams

# The range of photos between -1 and 1: the colour 1 lies on a half, as 254 does beyond the end of the grid.
SCALE, ZERO = np.float32(0.007781622931361198), np.uint8(129)
COLOURS = ((np.arange(256, dtype=np.float32) - np.float32(127.5)) / np.float32(127.5)).reshape(1, 256)


def quantizing() -> Any:
    """Return a model that stores its input as integers and gives those."""
    nodes = [helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["stored"])]
    nodes.append(helper.make_node("DequantizeLinear", ["stored", "scale", "zero"], ["real"]))
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in (("scale", SCALE), ("zero", ZERO))]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 256])]
    outputs = [helper.make_tensor_value_info("stored", TensorProto.UINT8, [1, 256])]
    outputs.append(helper.make_tensor_value_info("real", TensorProto.FLOAT, [1, 256]))
    graph = helper.make_graph(nodes, "net", inputs, outputs, stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def integers(model: Any) -> np.ndarray:
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["stored"], {"x": COLOURS})[0])


def test_halves_are_rounded_as_the_product_with_the_reciprocal() -> None:
    model, expected = quantizing(), np.rint(COLOURS * (np.float32(1) / SCALE)) + ZERO
    assert np.flatnonzero(integers(model) != expected.clip(0, 255)).tolist() == [1]  # as the runtime divides
    float_inputs.round_as_the_runtime(model.graph)
    assert integers(model).tolist() == expected.clip(0, 255).astype(np.uint8).tolist()


def test_added_operators_count_as_rounding() -> None:
    model = quantizing()
    before = seams(model)
    float_inputs.round_as_the_runtime(model.graph)
    assert set(requantize.nudges(Graph(model.graph)).values()) == {"x"}
    assert seams(model) == before


def test_other_products_do_not_count_as_rounding() -> None:
    model = quantizing()
    float_inputs.round_as_the_runtime(model.graph)
    (factor,) = (one for one in model.graph.initializer if one.name == "stored/step")
    factor.CopyFrom(numpy_helper.from_array(np.float32(1.01) * SCALE, factor.name))
    assert float_inputs.roundings(Graph(model.graph)) == {}
