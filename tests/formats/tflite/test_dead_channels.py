"""Channels with almost zero weights keep their biases, and the storage check allows for the change."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from calibration.ranges import Ranges
from export.formats import QuantizationPlan
from export.formats.tflite import TFLITE, flatbuffer, storage
from export.formats.tflite.isolated import Isolated
from export.formats.tflite.layers import layers as stored_layers
from export.proof.tolerances import ARITHMETIC, STORAGE
from export.recipe import Io
from export.scheme import INT8, W8A16, Scheme


def made(dead: slice, scheme: Scheme = INT8) -> tuple[bytes, bytes]:
    """Return a float file with dead channels in a layer in the middle, and the integer one."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(6, 3, activation="relu", name="first")(image)
    x = layers.Conv2D(6, 3, bias_initializer="normal", name="middle")(x)
    model = keras.Model(image, layers.Dense(4, name="last")(layers.Flatten()(x)))
    kernel, bias = model.get_layer("middle").get_weights()
    kernel[..., dead] *= 1e-30
    model.get_layer("middle").set_weights([kernel, bias])
    content = TFLITE.convert(model)
    names = flatbuffer.activations(flatbuffer.read(content)).values()
    ranges = Ranges(by_tensor=dict.fromkeys(names, (-1.5, 2.5)), observer="tests")
    plan = QuantizationPlan(scheme=scheme, io=Io.FLOAT32, ranges=ranges, input_ranges={}, raised={})
    return content, TFLITE.quantize(content, plan, {})


@pytest.mark.parametrize("scheme", [INT8, W8A16])
@pytest.mark.parametrize("dead", [slice(0, 2), slice(None)], ids=["some channels", "all channels"])
def test_layer_with_dead_channels_keeps_its_weights(dead: slice, scheme: Scheme) -> None:
    assert storage.compare(*made(dead, scheme)).worst_steps < STORAGE.largest


@pytest.mark.parametrize("scheme", [INT8, W8A16])
def test_dead_channels_compute_their_biases(scheme: Scheme) -> None:
    """The factor to the output's grid must not be so small that the runtime takes it for zero."""
    float_file, content = made(slice(0, 2), scheme)
    operators = Isolated(content, float_file)
    image = np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype(np.float32)
    errors = [float(one.steps.max()) for one in operators.errors({operators.inputs[0].name: image})]
    assert len(errors) > 2
    assert max(errors) <= ARITHMETIC["int8" if scheme == INT8 else "int16"].largest


def changed(content: bytes, position: int, value: int) -> bytes:
    """Return the file with the weight of that position in one of the dead channels set to an integer."""
    model = flatbuffer.read(content)
    layer = list(stored_layers(model))[1]
    weights: Any = flatbuffer.constant(model, layer.weights).copy()
    weights.reshape(len(weights), -1)[3, position] = value
    model.buffers[layer.weights.buffer].data = weights.reshape(-1).view(np.uint8)
    return flatbuffer.write(model)


@pytest.mark.parametrize(("position", "value"), [(5, 127), (5, 1), (0, -127)])
def test_only_the_increased_weight_of_a_dead_channel_may_differ(position: int, value: int) -> None:
    float_file, content = made(slice(None))
    assert storage.compare(float_file, changed(content, position, value)).worst_steps > STORAGE.largest


def test_dead_channel_does_not_hide_a_fault_in_another_channel() -> None:
    float_file, content = made(slice(0, 2))
    assert storage.compare(float_file, changed(content, 0, 0)).worst_steps > STORAGE.largest
