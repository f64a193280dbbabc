"""A small network of a user, exported by the quick tests, that holds what only the slowest networks of the zoo hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def residual_network() -> keras.Model:
    """Build it: Rescaling, separable and depthwise convolutions, sums, both poolings, an activation of its own."""
    import keras
    from keras import layers

    photo = keras.Input((32, 32, 1), name="photo")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(layers.Rescaling(1 / 255)(photo))
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.Add()([x, layers.Activation("swish")(layers.DepthwiseConv2D(3, padding="same")(x))])
    x = layers.Add()([x, layers.SeparableConv2D(8, 3, padding="same")(layers.ReLU()(x))])
    x = layers.Concatenate()([layers.MaxPooling2D(2)(x), layers.AveragePooling2D(2)(x)])
    x = layers.Flatten()(layers.Conv2D(16, 3, strides=2, activation="relu")(x))
    return keras.Model(photo, layers.Dense(10, activation="softmax", name="kind")(x))
