"""Operators with integer kernels are not left in float, unless they are raised to float."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from keras import layers

from calibration.ranges import Range, Ranges
from export.formats import FORMATS, QuantizationPlan
from export.formats.tflite import flatbuffer
from export.recipe import Io, Width
from export.scheme import INT8

TFLITE = FORMATS["tflite"]


def leaky(x: Any) -> Any:
    return layers.Conv2D(3, 1)(layers.LeakyReLU(negative_slope=0.1)(layers.Conv2D(4, 3)(x)))


def upsampled(x: Any) -> Any:
    return layers.Conv2D(3, 1)(layers.UpSampling2D(2)(layers.Conv2D(4, 3)(x)))


def joined_twice(x: Any) -> Any:
    y = layers.LeakyReLU(negative_slope=0.1)(layers.Conv2D(4, 3, padding="same")(x))
    one = layers.Concatenate()([y, layers.Conv2D(4, 3, padding="same", name="one")(x)])
    other = layers.Concatenate()([y, layers.Conv2D(4, 3, padding="same", name="other")(x)])
    return [layers.Conv2D(2, 1)(one), layers.Conv2D(2, 1)(other)]


def quantized(net: Any, *, wide: Range = (-9.0, 9.0), raise_leaky: bool = False) -> tuple[bytes, bytes]:
    """Return the float and the int8 file; the last concatenation has the range `wide`."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 4), name="image")
    float_file = TFLITE.convert(keras.Model(image, net(image)))
    model = flatbuffer.read(float_file)
    ranges = dict.fromkeys(flatbuffer.activations(model).values(), (-4.0, 4.0))
    operators = {flatbuffer.op_name(model, one): one for one in model.subgraphs[0].operators}
    names = [tensor.name.decode() for tensor in model.subgraphs[0].tensors]
    if "CONCATENATION" in operators:
        ranges[names[operators["CONCATENATION"].outputs[0]]] = wide
    raised = {names[operators["LEAKY_RELU"].outputs[0]]: Width.FLOAT32} if raise_leaky else {}
    plan = QuantizationPlan(
        scheme=INT8,
        io=Io.INT8,
        ranges=Ranges(by_tensor=ranges, observer="min-max"),
        input_ranges={"image": (-1.0, 1.0)},
        raised=raised,
    )
    return float_file, TFLITE.quantize(float_file, plan, {})


def operators(content: bytes) -> list[str]:
    model = flatbuffer.read(content)
    return [flatbuffer.op_name(model, operator) for operator in model.subgraphs[0].operators]


@pytest.mark.parametrize("net", [leaky, upsampled])
def test_converted_islands_are_integer_and_match_the_float_file(net: Any, tmp_path: Any) -> None:
    contents = quantized(net)
    assert not {"QUANTIZE", "DEQUANTIZE"} & set(operators(contents[1]))
    outputs = []
    values = np.random.default_rng(0).uniform(-1, 1, (1, 8, 8, 4)).astype(np.float32)
    for content in contents:
        path = tmp_path / "model.tflite"
        path.write_bytes(content)
        session = TFLITE.open(path)
        (stored,) = session.run({"image": session.inputs[0].quantize(values)}).values()
        outputs.append(session.outputs[0].dequantize(stored))
    assert np.abs(outputs[0] - outputs[1]).max() < 0.2


def test_operators_raised_to_float_stay_in_float() -> None:
    model = flatbuffer.read(quantized(leaky, raise_leaky=True)[1])
    (found,) = [one for one in model.subgraphs[0].operators if flatbuffer.op_name(model, one) == "LEAKY_RELU"]
    kinds = {model.subgraphs[0].tensors[index].type for index in [*found.inputs, *found.outputs]}
    assert kinds == {schema.TensorType.FLOAT32}


def test_readers_with_other_grids_are_requantized_in_integers() -> None:
    content = quantized(joined_twice)[1]
    assert operators(content).count("DEQUANTIZE") == 0
    model = flatbuffer.read(content)
    tensors = model.subgraphs[0].tensors
    for operator in model.subgraphs[0].operators:
        if flatbuffer.op_name(model, operator) == "CONCATENATION":
            grids = {float(tensors[index].quantization.scale[0]) for index in [*operator.inputs, *operator.outputs]}
            assert len(grids) == 1
