"""Files of Keras 2 become Keras 3 models with the same outputs, whatever Keras 3 has renamed or removed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.model.loading import model_file
from export.model.loading.keras2 import same_outputs
from export.model.loading.keras2.convert import converted
from export.model.loading.keras2.errors import ConversionError

SaveOld = Callable[..., Path]
Outputs = Callable[..., np.ndarray]


def image_net() -> Any:
    import tf_keras
    from tf_keras import layers

    image = tf_keras.Input((16, 16, 3), name="image")
    x = layers.DepthwiseConv2D(3, padding="same")(image)  # `groups`
    x = layers.BatchNormalization()(x)  # a list of axes
    x = layers.LeakyReLU(alpha=0.2)(x)
    x = layers.ThresholdedReLU(theta=0.1)(x)
    x = layers.Conv2D(4, 3, activation="hard_sigmoid")(x)  # computed differently by Keras 3
    return tf_keras.Model(image, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


def recurrent_net() -> Any:
    import tensorflow as tf
    import tf_keras
    from tf_keras import layers

    steps = tf_keras.Input((7, 3), name="steps")
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True, recurrent_activation="hard_sigmoid"))(steps)
    x = layers.TimeDistributed(layers.Dense(5, activation="relu"))(x)
    x = layers.GRU(4, time_major=True, return_sequences=True)(tf.transpose(x, [1, 0, 2]))
    return tf_keras.Model(steps, layers.Dense(2)(tf.transpose(x, [1, 0, 2])[:, -1]))


def operator_net() -> Any:
    import tensorflow as tf
    import tf_keras
    from tf_keras import layers

    values = tf_keras.Input((6,), name="values")
    x = tf.nn.relu(layers.Dense(4)(values) * 2.0 - 1.0)
    x = tf.concat([x, tf.math.sigmoid(x[:, :2])], axis=-1)
    return tf_keras.Model(values, tf.math.l2_normalize(x / tf.reduce_sum(tf.square(x) + 1.0, axis=-1, keepdims=True)))


def nested_net() -> Any:
    import tf_keras
    from tf_keras import layers

    norm = layers.Normalization(axis=-1)
    norm.adapt(np.random.default_rng(0).normal(3, 2, (50, 6)))
    tower = tf_keras.Sequential([tf_keras.Input((6,)), layers.Dense(4, activation="tanh")], name="tower")
    left, right = tf_keras.Input((6,), name="left"), tf_keras.Input((6,), name="right")
    joined = layers.Subtract()([tower(norm(left)), tower(norm(right))])
    return tf_keras.Model([left, right], layers.Dense(1)(joined))


def application_net() -> Any:
    import tf_keras
    from tf_keras.src.applications import convnext, inception_resnet_v2

    image = tf_keras.Input((8, 8, 3), name="image")
    x = convnext.StochasticDepth(0.1)(convnext.LayerScale(0.5, 3)(image))
    return tf_keras.Model(image, inception_resnet_v2.CustomScaleLayer(0.2)([image, x]))


@pytest.fixture(autouse=True)
def _same_numbers_in_every_run() -> None:
    import tf_keras

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)


@pytest.mark.parametrize("name", ["old.h5", "old.keras", "old_folder"])
@pytest.mark.parametrize(
    "build", [image_net, operator_net, nested_net, pytest.param(recurrent_net, marks=pytest.mark.large)]
)
def test_outputs_are_those_of_keras_2(
    build: Callable[[], Any], name: str, keras_2_file: SaveOld, outputs_of: Outputs
) -> None:
    old = build()
    loaded = model_file.load(keras_2_file(old, name))
    inputs = [np.random.default_rng(1).normal(size=(3, *one.shape[1:])).astype(np.float32) for one in old.inputs]
    batch = inputs if len(inputs) > 1 else inputs[0]
    np.testing.assert_allclose(outputs_of(loaded.model, batch), outputs_of(old, batch), rtol=1e-4, atol=1e-5)
    assert "is a Keras 2 model, converted to Keras 3" in loaded.notes[0]
    assert [one.name for one in loaded.model.inputs] == [one.name for one in old.inputs]


@pytest.mark.parametrize("name", ["old.h5", "old.keras"])
def test_layers_of_keras_applications_are_known(name: str, keras_2_file: SaveOld, outputs_of: Outputs) -> None:
    old = application_net()
    loaded = model_file.load(keras_2_file(old, name))
    values = np.random.default_rng(1).normal(size=(3, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(outputs_of(loaded.model, values), outputs_of(old, values), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["old.h5", "old.keras", "old_folder"])
def test_loss_of_a_keras_2_file_is_read(name: str, keras_2_file: SaveOld) -> None:
    old = image_net()
    old.compile("adam", "categorical_crossentropy")
    loaded = model_file.load(keras_2_file(old, name))
    assert set(loaded.losses.values()) == {"categorical_crossentropy"}


def test_converted_model_with_one_other_weight_is_caught() -> None:
    old = image_net()
    new = converted(old)
    assert same_outputs.check(old, new) < same_outputs.TOLERANCE
    kernel = new.get_layer("depthwise_conv2d").weights[0]
    kernel.assign(kernel * 1.01)
    with pytest.raises(ConversionError, match="outputs differ in Keras 3"):
        same_outputs.check(old, new)


def test_an_argument_without_equivalent_is_refused_by_name(keras_2_file: SaveOld) -> None:
    import tf_keras
    from tf_keras import layers

    steps = tf_keras.Input((8, 3))
    old = tf_keras.Model(steps, layers.MultiHeadAttention(2, 3, softmax_robust_masking=True)(steps, steps))
    refused = r"no argument softmax_robust_masking=True of MultiHeadAttention; rebuild it in Keras 3"
    with pytest.raises(Exception, match=refused):
        model_file.load(keras_2_file(old))
