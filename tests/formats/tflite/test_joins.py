"""Concatenated activations share one grid, if that costs less accuracy than a second rounding."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from keras import layers

from calibration.ranges import Range
from export.formats import FORMATS
from export.formats.tflite import concat_grids, flatbuffer

TFLITE = FORMATS["tflite"]
WHOLE = (-1.0, 3.0)


def planned(net: Any, own: Range) -> tuple[dict[str, Range], list[str]]:
    """Return the ranges by operator of what makes an activation; `own` was planned for all that is not joined."""
    image = keras.Input((8, 8, 4), name="image")
    model = flatbuffer.read(TFLITE.convert(keras.Model(image, net(image))))
    operators = model.subgraphs[0].operators
    names = {operator.outputs[0]: flatbuffer.op_name(model, operator) for operator in operators}
    ranges = {index: WHOLE if names.get(index) == "CONCATENATION" else own for index in flatbuffer.activations(model)}
    found = concat_grids.shared(model, ranges)
    assert found.keys() == ranges.keys()
    return {names.get(index, "input"): range_ for index, range_ in found.items()}, list(names.values())


def conv(x: Any) -> Any:
    return layers.Conv2D(4, 3, padding="same")(x)


def read_once(x: Any) -> Any:
    return layers.Concatenate()([x, conv(x)])


def read_twice(x: Any) -> Any:
    y = conv(x)
    return [layers.Concatenate()([x, y]), layers.DepthwiseConv2D(3)(y)]


def pooled(x: Any) -> Any:
    return layers.Concatenate()([x, layers.MaxPooling2D(3, 1, padding="same")(conv(x))])


def averaged(x: Any) -> Any:
    return layers.Concatenate()([x, layers.AveragePooling2D(3, 1, padding="same")(conv(x))])


def gated(x: Any) -> Any:
    return layers.Concatenate()([x, layers.Activation("sigmoid")(conv(x))])


def test_input_without_other_readers_gets_the_range_of_the_concatenation() -> None:
    found, _ = planned(read_once, (-0.1, 0.2))
    assert found["CONV_2D"] == WHOLE
    assert found["input"] == (-0.1, 0.2)  # what a camera gives is not ours to choose


@pytest.mark.parametrize(
    ("own", "expected"),
    [((-0.9, 2.6), WHOLE), ((-1.02, 3.05), WHOLE), ((-0.9, 2.0), (-0.9, 2.0)), ((-1.0, 3.5), (-1.0, 3.5))],
)
def test_input_with_other_readers_gets_the_range_only_if_hardly_coarser(own: Range, expected: Range) -> None:
    found, _ = planned(read_twice, own)
    assert found["CONV_2D"] == expected
    assert found["DEPTHWISE_CONV_2D"] == own


def test_operators_that_select_values_pass_on_the_range() -> None:
    found, _ = planned(pooled, (-0.1, 0.2))
    assert found["MAX_POOL_2D"] == found["CONV_2D"] == WHOLE


@pytest.mark.parametrize(("net", "operator"), [(averaged, "AVERAGE_POOL_2D"), (gated, "LOGISTIC")])
def test_operator_with_a_fixed_grid_keeps_it(net: Any, operator: str) -> None:
    found, names = planned(net, (-5.0, 5.0))
    assert operator in names
    assert found[operator] == found["CONV_2D"] == (-5.0, 5.0)


def test_part_of_a_concatenation_has_its_range() -> None:
    def halved(x: Any) -> Any:
        y = conv(x)
        return [layers.Concatenate()([y, x]), layers.DepthwiseConv2D(3)(y[..., 2:])]

    found, names = planned(halved, (-1.02, 3.05))
    assert "STRIDED_SLICE" in names
    assert found["STRIDED_SLICE"] == found["CONV_2D"] == WHOLE


def test_moved_values_have_the_range_of_the_input() -> None:
    image = keras.Input((8, 8, 4), name="image")
    net = layers.AveragePooling2D(2)(layers.MaxPooling2D(2)(conv(image)))
    model = flatbuffer.read(TFLITE.convert(keras.Model(image, net)))
    ranges = {index: (-1.0, 1.0 + index) for index in flatbuffer.activations(model)}
    found = concat_grids.shared(model, ranges)
    conv_out, *pooled_out = [operator.outputs[0] for operator in model.subgraphs[0].operators]
    assert len(pooled_out) == 2
    assert {found[index] for index in pooled_out} == {ranges[conv_out]}
