"""Every change of a quantized file's graph is found: each option, each integer constant, each tensor that is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from calibration.ranges import Ranges
from export.formats.format import QuantizationPlan
from export.formats.tflite import TFLITE, flatbuffer, structure
from export.recipe import Io
from export.scheme import INT8, W8A32

Content = bytes


def network() -> keras.Model:
    """Return a network with many kinds of operators and options."""
    keras.utils.set_random_seed(0)
    x = keras.Input((12, 12, 4), name="image")
    y = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    y = layers.Conv2D(8, 3, strides=2, activation="relu")(y)
    z = layers.DepthwiseConv2D(3, padding="same", dilation_rate=2)(y)
    y = layers.Add()([y, layers.LeakyReLU(negative_slope=0.1)(z)])
    y = layers.Concatenate()([y, layers.UpSampling2D(interpolation="bilinear")(layers.MaxPooling2D()(y))])
    y = layers.Permute((3, 1, 2))(layers.AveragePooling2D(2)(y))
    y = layers.Softmax()(layers.Reshape((16, 9))(y)[:, 2:10])
    return keras.Model(x, layers.Dense(3, name="scores")(layers.Flatten()(y)))


@pytest.fixture(scope="module")
def files() -> dict[str, Content]:
    content = TFLITE.convert(network())
    names = flatbuffer.activations(flatbuffer.read(content)).values()
    ranges = Ranges(by_tensor=dict.fromkeys(names, (-3.0, 3.0)), observer="tests")
    plan = QuantizationPlan(scheme=INT8, io=Io.FLOAT32, ranges=ranges, input_ranges={})
    weights_only = QuantizationPlan(scheme=W8A32, io=Io.FLOAT32, ranges=None, input_ranges={})
    return {
        "float32": content,
        "int8": TFLITE.quantize(content, plan, {}),
        "w8a32": TFLITE.quantize(content, weights_only, {}),
    }


def changes(model: Any) -> Iterator[tuple[str, Any]]:
    """Yield what was changed and the file, one change at a time; the file is changed back afterwards."""
    graph = model.subgraphs[0]
    for operator in graph.operators:
        name = flatbuffer.op_name(model, operator)
        if name in ("QUANTIZE", "DEQUANTIZE"):
            continue
        for option, value in _options(operator):
            if option not in structure.INTEGER_OPTIONS and isinstance(value, bool | int | float):
                setattr(operator.builtinOptions, option, not value if isinstance(value, bool) else value + 1)
                yield f"{name} {option}", model
                setattr(operator.builtinOptions, option, value)
        for place, index in enumerate(operator.inputs):
            if index < 0:
                continue
            tensor = graph.tensors[index]
            buffer = model.buffers[tensor.buffer]
            if buffer.data is None:
                operator.inputs[place] = _other(model, index, operator)
                yield f"{name} input {place}", model
                operator.inputs[place] = index
            elif tensor.quantization is None or tensor.quantization.scale is None:
                kept = buffer.data
                buffer.data = np.array(kept) + np.uint8(1)
                yield f"{name} constant {place}", model
                buffer.data = kept


def _other(model: Any, index: int, operator: Any) -> int:
    """Return another activation than the one that an operator reads."""
    inputs = [int(one) for one in model.subgraphs[0].inputs]
    return int(operator.outputs[0]) if _origin(model, index) in inputs else inputs[0]


def _options(operator: Any) -> list[tuple[str, Any]]:
    return sorted(vars(operator.builtinOptions).items()) if operator.builtinOptions is not None else []


def _origin(model: Any, index: int) -> int:
    before = {
        int(one.outputs[0]): int(one.inputs[0])
        for one in model.subgraphs[0].operators
        if flatbuffer.op_name(model, one) in ("QUANTIZE", "DEQUANTIZE")
    }
    while index in before:
        index = before[index]
    return int(index)


@pytest.mark.parametrize("precision", ["int8", "w8a32"])
def test_a_healthy_file_has_the_graph_of_the_float_file(files: dict[str, Content], precision: str) -> None:
    report = structure.compare(files["float32"], files[precision])
    assert report.differences == ()
    assert report.operators > 12


def test_every_change_of_the_graph_is_found(files: dict[str, Content]) -> None:
    model = flatbuffer.read(files["int8"])
    found = {
        what: structure.compare(files["float32"], flatbuffer.write(one)).differences for what, one in changes(model)
    }
    assert len(found) > 40
    assert [what for what, differences in found.items() if not differences] == []
    assert structure.compare(files["float32"], flatbuffer.write(model)).differences == ()


def test_the_difference_names_the_operator_and_its_layer(files: dict[str, Content]) -> None:
    model = flatbuffer.read(files["int8"])
    operator = next(one for one in model.subgraphs[0].operators if flatbuffer.op_name(model, one) == "LEAKY_RELU")
    operator.builtinOptions.alpha = 0.01
    (difference,) = structure.compare(files["float32"], flatbuffer.write(model)).differences
    assert difference.startswith("the option alpha is 0.009")
    assert "LEAKY_RELU" in difference
    assert "leaky_re_lu" in difference
