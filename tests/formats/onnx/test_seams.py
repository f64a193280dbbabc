"""Where an int8 .onnx is split into operators, beside a .tflite that quantizes elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.formats.onnx import average_pool
from export.formats.onnx.graph import Graph
from export.formats.onnx.sibling_match import Sibling
from export.formats.onnx.split import Seam, moved_on, seams
from export.formats.onnx.weights_only import spelled_out
from export.model.tensor_spec import TensorSpec

STORED: dict[str, np.ndarray] = {
    "scale": np.array(0.1, np.float32),
    "other": np.array(0.2, np.float32),
    "fine": np.array(0.001, np.float32),
    "zero": np.array(128, np.uint8),
    "none": np.array(0, np.int16),
}


def model(nodes: Sequence[Any], inputs: Sequence[str]) -> Any:
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2, 4, 4]) for name in inputs]
    result = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    stored = [numpy_helper.from_array(value, name) for name, value in STORED.items()]
    return helper.make_model(helper.make_graph(list(nodes), "net", given, result, stored))


def joined(*reader: Any) -> Any:
    """Return a model that quantizes the results of two operators, and joins them as integers."""
    nodes = [helper.make_node("Relu", [name], [f"relu {name}"]) for name in "ab"]
    nodes += [
        helper.make_node("QuantizeLinear", [f"relu {name}", "scale", "zero"], [f"stored {name}"]) for name in "ab"
    ]
    nodes.append(helper.make_node("Concat", ["stored a", "stored b"], ["joined"], axis=1))
    nodes.append(helper.make_node("DequantizeLinear", ["joined", "scale", "zero"], ["y"]))
    return model([*nodes, *reader], "ab")


def test_an_activation_that_is_joined_as_integers_is_compared_behind_the_join() -> None:
    proto = joined()
    found = seams(proto)
    assert [seam.name for seam in found] == ["stored a", "stored b"]
    one, other = moved_on(proto, found, found[:1])
    assert (one.name, other.name) == ("stored b", "joined")
    assert (other.reads, other.sources) == ("relu a", ("stored b",))
    assert (other.stored.scale, other.stored.zero_point) == (found[0].stored.scale, found[0].stored.zero_point)


def test_an_activation_that_is_dequantized_or_read_twice_stays() -> None:
    proto = joined(helper.make_node("DequantizeLinear", ["stored a", "scale", "zero"], ["a alone"]))
    found = seams(proto)
    assert moved_on(proto, found, found[:1]) == found
    behind = moved_on(proto, found, found[1:])
    assert moved_on(proto, behind, behind[1:]) == behind


def test_16_bits_rounded_to_8_are_an_activation_of_their_own_where_asked() -> None:
    quantize = helper.make_node("QuantizeLinear", ["a", "fine", "none"], ["wide"])
    dequantize = helper.make_node("DequantizeLinear", ["wide", "fine", "none"], ["real"])
    narrow = helper.make_node("QuantizeLinear", ["real", "scale", "zero"], ["narrow"])
    last = helper.make_node("DequantizeLinear", ["narrow", "scale", "zero"], ["y"])
    proto = model([quantize, dequantize, narrow, last], "a")
    graph = Graph(proto.graph)
    graph.replace_nodes([quantize, *spelled_out(graph, dequantize), narrow, last])
    assert [seam.name for seam in seams(proto)] == ["wide"]
    assert [seam.name for seam in seams(proto, narrowed=True)] == ["wide", "narrow"]


@pytest.mark.parametrize(("scale", "rounds"), [("scale", True), ("other", False)])
def test_only_a_pool_on_the_grid_that_it_reads_rounds_as_an_integer_pool(scale: str, rounds: bool) -> None:
    nodes = [
        helper.make_node("QuantizeLinear", ["a", "scale", "zero"], ["stored"]),
        helper.make_node("DequantizeLinear", ["stored", "scale", "zero"], ["real"]),
        helper.make_node("AveragePool", ["real"], ["mean"], kernel_shape=[2, 2]),
        helper.make_node("QuantizeLinear", ["mean", scale, "zero"], ["narrow"]),
        helper.make_node("DequantizeLinear", ["narrow", scale, "zero"], ["y"]),
    ]
    proto = model(nodes, "a")
    average_pool.as_the_runtime_rounds(proto.graph)
    assert ("Mul" in {node.op_type for node in proto.graph.node}) == rounds


@pytest.mark.parametrize("spread", [1, 100])
def test_a_square_map_that_lies_turned_in_the_onnx_is_matched_turned(spread: int) -> None:
    rng = np.random.default_rng(0)
    maps = [rng.integers(100, 100 + spread + 1, (1, 2, 4, 4)).astype(np.uint8) for _ in range(3)]
    grid = TensorSpec(name="map", shape=(1, 2, 4, 4), dtype="uint8", scale=0.1, zero_point=0)
    seam = Seam(name="q", quantized="q", stored=grid, reads="r", sources=())
    sibling = Sibling(specs={7: grid}, sources={}, values=[{7: one} for one in maps])
    found = [{"q": one.transpose(0, 1, 3, 2)} for one in maps]
    ((_, match),) = sibling.matches([seam], found)
    for own, other in zip(maps, found, strict=True):
        np.testing.assert_array_equal(match.in_onnx(own, "uint8"), other["q"])
