"""The tables of square roots in an int8 .onnx hold what LiteRT computes, which rounds them down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest

from calibration.ranges import Ranges
from export.formats import QuantizationPlan
from export.formats.onnx import ONNX, rsqrt, tables
from export.formats.onnx.graph import Graph
from export.formats.tflite import TFLITE, flatbuffer
from export.formats.tflite.dissect import load, stored_as
from export.recipe import Io
from export.scheme import INT8

CODES = 256


def int8_files(operation: Callable[[Any], Any], least: float, largest: float, reach: float) -> tuple[bytes, bytes]:
    """Return both files of an operation on numbers from `least` to `largest`, whose results reach up to `reach`."""
    import keras

    values = keras.Input((CODES,), name="values")
    content = TFLITE.convert(keras.Model(values, operation(values)))
    model = flatbuffer.read(content)
    (result,) = (model.subgraphs[0].tensors[index].name.decode() for index in model.subgraphs[0].outputs)
    names = flatbuffer.activations(model).values()
    by_tensor = {**dict.fromkeys(names, (least, largest)), result: (min(least, 0.0) / 8, reach)}
    ranges = Ranges(by_tensor=by_tensor, observer="tests")
    plan = QuantizationPlan(scheme=INT8, io=Io.FLOAT32, ranges=ranges, input_ranges={})
    sibling = TFLITE.quantize(content, plan, {})
    return sibling, ONNX.quantize(b"", plan, {"tflite": sibling})


def roots(values: Any) -> Any:
    from keras import ops

    return ops.sqrt(values)


def hard_swish(values: Any) -> Any:
    from keras import ops

    return ops.hard_swish(values)


@pytest.mark.parametrize(
    ("operation", "least", "largest", "reach", "kind"),
    [
        (roots, 0.0, 1.0, 1.0, "Sqrt"),
        (roots, 0.0, 1.0, 0.5, "Sqrt"),
        (roots, -1.0, 64.0, 8.0, "Sqrt"),
        (hard_swish, -4.0, 4.0, 4.0, "HardSwish"),
        (hard_swish, -4.0, 4.0, 1.0, "HardSwish"),
        (hard_swish, -1.0, 20.0, 20.0, "HardSwish"),
    ],
)
def test_the_operator_of_a_table_is_found(
    operation: Callable[[Any], Any], least: float, largest: float, reach: float, kind: str
) -> None:
    _, content = int8_files(operation, least, largest, reach)
    found = tables.of(Graph(onnx.load_from_string(content).graph))
    assert [node.op_type for node in found.values()] == ["Identity", kind]


@pytest.mark.parametrize("largest", [0.01, 1.0, 6.0, 64.0, 1e4])
def test_table_of_roots_holds_what_the_runtime_computes(largest: float) -> None:
    content, _ = int8_files(roots, 0.0, largest, float(np.sqrt(largest)))
    model = flatbuffer.read(content)
    graph = model.subgraphs[0]
    (maker,) = (one for one in graph.operators if flatbuffer.op_name(model, one) == "SQRT")
    source, target = int(maker.inputs[0]), int(maker.outputs[0])
    session = load(content)
    session.invoke({session.inputs[0].name: np.linspace(0, largest, CODES, dtype=np.float32)[None]})
    codes, found = (np.array(session.view(index)).ravel().astype(int) for index in (source, target))
    one, other = (stored_as(graph.tensors[index]) for index in (source, target))
    assert one.scale is not None
    assert one.zero_point is not None
    assert other.scale is not None
    assert other.zero_point is not None
    expected = rsqrt.table_of_roots(one.scale, one.zero_point, other.scale, other.zero_point)
    assert len(set(codes)) == CODES
    np.testing.assert_array_equal(expected[codes + 128], found)
    rounded = np.rint(np.sqrt((codes - one.zero_point) * one.scale) / other.scale) + other.zero_point
    assert np.mean(rounded != found) > 0.3
