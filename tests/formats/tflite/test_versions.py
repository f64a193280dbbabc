"""Operators that older runtimes would compute wrongly declare the version that these refuse."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from export.formats import PRIMARY, QuantizationPlan
from export.formats.tflite import flatbuffer
from export.recipe import Io
from export.scheme import INT8_DYNAMIC, W8A32, Scheme


@pytest.mark.parametrize(("scheme", "version"), [(INT8_DYNAMIC, 12), (W8A32, 1)], ids=str)
def test_dense_layers_with_a_scale_for_each_channel_declare_it(scheme: Scheme, version: int) -> None:
    keras.utils.set_random_seed(0)
    x = keras.Input((64,), name="x")
    content = PRIMARY.convert(keras.Model(x, layers.Dense(32)(x)))
    plan = QuantizationPlan(scheme=scheme, io=Io.FLOAT32, ranges=None, input_ranges={})
    model = flatbuffer.read(PRIMARY.quantize(content, plan, {}))
    found = {flatbuffer.op_name(model, one): one for one in model.subgraphs[0].operators}
    assert model.operatorCodes[found["FULLY_CONNECTED"].opcodeIndex].version == version
