"""Small models of every structure that users have: branches, steps inside layers, shared layers, models in models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


def branched() -> keras.Model:
    """Two branches, a layer of two steps (separable), an activation that is no operator (swish), two outputs."""
    import keras

    layers = keras.layers
    image = keras.Input((32, 32, 3), name="image")
    stem = layers.Conv2D(8, 3, padding="same", name="stem")(image)
    stem = layers.ReLU(name="stem_relu")(layers.BatchNormalization(name="stem_bn")(stem))
    left = layers.SeparableConv2D(8, 3, padding="same", activation="relu", name="left")(stem)
    right = layers.Conv2D(8, 1, activation="swish", name="right")(stem)
    both = layers.Concatenate(name="both")([layers.Add(name="sum")([left, right]), stem])
    features = layers.Flatten(name="flat")(layers.GlobalAveragePooling2D(name="gap")(layers.Dropout(0.2)(both)))
    logits = layers.Dense(10, name="logits")(features)
    return keras.Model(image, [logits, layers.Dense(3, activation="softmax", name="probabilities")(features)])


def sequential() -> keras.Model:
    """Layers that nobody named, one that scales, two that do nothing."""
    import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((32, 32, 1), name="image"),
            layers.Rescaling(1 / 127.5, -1, name="scale"),
            layers.Conv2D(8, 3, activation="relu", name="conv"),
            layers.MaxPooling2D(name="pool"),
            layers.Dropout(0.1),
            layers.Flatten(name="flat"),
            layers.Dense(10, name="logits"),
        ]
    )


def shared() -> keras.Model:
    """One layer on two inputs."""
    import keras

    layers = keras.layers
    one, other = keras.Input((16, 16, 3), name="one"), keras.Input((16, 16, 3), name="other")
    conv = layers.Conv2D(4, 3, activation="relu", name="shared")
    difference = layers.Flatten(name="flat")(layers.Subtract(name="difference")([conv(one), conv(other)]))
    return keras.Model([one, other], layers.Dense(2, name="out")(difference))


def nested() -> keras.Model:
    """A functional and a Sequential model as layers."""
    import keras

    layers = keras.layers
    x = keras.Input((32, 32, 3), name="x")
    inside = layers.BatchNormalization(name="bn")(layers.Conv2D(8, 3, strides=2, name="conv")(x))
    backbone = keras.Model(x, layers.ReLU(6.0, name="relu")(inside), name="backbone")
    head = keras.Sequential([layers.Conv2D(4, 1, name="conv"), layers.GlobalMaxPooling2D(name="max")], name="head")
    image = keras.Input((32, 32, 3), name="image")
    return keras.Model(image, layers.Dense(5, name="out")(head(backbone(image))))


MODELS = {model.__name__: model for model in (branched, sequential, shared, nested)}


def random_model(name: str) -> keras.Model:
    """Return a model with random numbers in every variable, so that no layer is the identity by chance."""
    import keras

    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    model = MODELS[name]()
    for weight in model.weights:
        if len(weight.shape) == 1:  # biases, and the four of a batch norm
            weight.assign(random.uniform(0.5, 1.5, weight.shape))
    return model
