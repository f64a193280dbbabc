"""Small int8 networks for a microcontroller, whose memory the interpreter of TensorFlow Lite Micro measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import keras
import numpy as np
from keras import layers

from calibration.ranges import Ranges
from export.formats import QuantizationPlan
from export.formats.tflite import TFLITE, flatbuffer
from export.recipe import Io
from export.scheme import INT8


def separable() -> keras.Model:
    x = keras.Input((32, 32, 3), batch_size=1, name="photo")
    y = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    for channels in (16, 24):
        y = layers.DepthwiseConv2D(3, padding="same", activation="relu")(y)
        y = layers.Conv2D(channels, 1, activation="relu")(y)
    return keras.Model(x, layers.Dense(5, name="scores")(layers.GlobalAveragePooling2D()(y)))


def skips() -> keras.Model:
    x = keras.Input((16, 16, 4), batch_size=1, name="image")
    y = layers.Conv2D(8, 3, padding="same")(x)
    for _ in range(3):
        y = layers.Add()([y, layers.Conv2D(8, 3, padding="same", activation="relu")(y)])
    z = layers.MaxPooling2D()(y)
    y = layers.Concatenate()([layers.AveragePooling2D(2)(y), z])
    return keras.Model(x, layers.Dense(3, name="scores")(layers.Flatten()(y)))


def several_inputs() -> keras.Model:
    image = keras.Input((12, 12, 2), batch_size=1, name="image")
    state = keras.Input((20,), batch_size=1, name="state")
    y = layers.Flatten()(layers.Conv2D(6, 3)(image))
    y = layers.Concatenate()([layers.Dense(20)(y), state])
    return keras.Model([image, state], [layers.Dense(4, name="action")(y), layers.Dense(1, name="value")(y)])


def transposed() -> keras.Model:
    x = keras.Input((8, 8, 4), batch_size=1, name="image")
    y = layers.Conv2DTranspose(6, 3, strides=2, padding="same")(layers.Conv2D(8, 3, padding="same")(x))
    return keras.Model(x, layers.Conv2D(1, 3, padding="same", name="mask")(y))


def early_output() -> keras.Model:
    """The first output exists until the end."""
    x = keras.Input((16, 16, 2), batch_size=1, name="image")
    early = layers.Conv2D(4, 3, padding="same", name="early")(x)
    y = layers.Conv2D(8, 3, padding="same")(layers.MaxPooling2D()(early))
    y = layers.Conv2D(16, 3, padding="same")(y)
    return keras.Model(x, [early, layers.Conv2D(16, 3, padding="same", name="late")(y)])


def narrow() -> keras.Model:
    """Many small tensors: to plan their places takes more room than they do."""
    x = y = keras.Input((8,), batch_size=1, name="vector")
    for _ in range(12):
        y = layers.Dense(8, kernel_initializer="orthogonal")(y)
    return keras.Model(x, layers.Dense(2, name="scores")(y))


def slices() -> keras.Model:
    """Operators that keep more than others: slices, differences and pads."""
    x = y = keras.Input((64, 4), batch_size=1, name="steps")
    for _ in range(12):
        y = layers.Cropping1D((0, 1))(y)
        y = layers.Subtract()([y, layers.ZeroPadding1D((1, 0))(layers.MaxPooling1D(2, 1)(y))])
    return keras.Model(x, layers.Dense(2, name="scores")(layers.Flatten()(y)))


def wide() -> keras.Model:
    """A layer with enough weights that every precision stores them in fewer bits."""
    x = keras.Input((256,), batch_size=1, name="vector")
    return keras.Model(x, layers.Dense(64, name="scores")(x))


NETWORKS: Mapping[str, Callable[[], keras.Model]] = {
    one.__name__: one for one in (separable, skips, several_inputs, transposed, early_output, narrow, slices)
}


def with_seeded_weights(model: keras.Model) -> keras.Model:
    """Give a network random weights, the same each time, that keep the size of its activations."""
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        spread = max(1, np.prod(variable.shape[:-1])) ** -0.5
        variable.assign(random.normal(0, 1.5 * spread, variable.shape))
    return model


def int8(model: keras.Model, io: Io = Io.INT8) -> bytes:
    """Return the int8 file of a network, with the same range for all activations."""
    content = TFLITE.convert(with_seeded_weights(model))
    names = flatbuffer.activations(flatbuffer.read(content)).values()
    ranges = Ranges(by_tensor=dict.fromkeys(names, (-4.0, 4.0)), observer="tests")
    inputs = {one.name: (-4.0, 4.0) for one in model.inputs}
    return TFLITE.quantize(content, QuantizationPlan(scheme=INT8, io=io, ranges=ranges, input_ranges=inputs), {})
