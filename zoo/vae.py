"""A variational autoencoder: every picture is a point of a latent space, and the points between them are pictures too.

Kingma, Welling 2013, "Auto-Encoding Variational Bayes", https://arxiv.org/abs/1312.6114. The encoder predicts a normal
distribution in the latent space, a mean and a variance for each direction; the decoder reconstructs the picture from a
point. Different from the paper, whose networks have one dense layer each (appendix C): convolutions on both sides, and
ReLU. The noise that selects the point is an input (the reparametrisation of section 2.4), so that the same inputs give
the same outputs in every file of every format; noise 0 selects the mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.architecture import Architecture, register
from zoo.inputs import Random, photo
from zoo.preprocessing import Preprocessing
from zoo.pretrained import vae as pretrained

if TYPE_CHECKING:
    import keras

SIDE = 28  # pixels
NOISE = "noise"  # the random input


def build(*, latent: int = 16, width: int = 16) -> keras.Model:
    """Return the autoencoder, of two inputs and three outputs.

    In: `image` (N, 28, 28, 1) in [0, 1] and `noise` (N, latent), standard normal. Out: `reconstruction` (N, 28, 28, 1),
    logits of the pixels; `mean` and `log_variance` (N, latent) of the latent point.

    Args:
        latent: directions of the latent space.
        width: channels of the first convolution; the second has twice as many.
    """
    import keras
    from keras import layers, ops

    image = keras.Input((SIDE, SIDE, 1), name="image")
    noise = keras.Input((latent,), name=NOISE)
    features = _encode(image, width)
    mean = layers.Dense(latent, name="mean")(features)
    # Its logarithm (section C.2): a network may predict any number, but a variance is positive.
    log_variance = layers.Dense(latent, name="log_variance")(features)
    deviation = ops.exp(log_variance / 2)
    point = layers.Add(name="point")([mean, layers.Multiply(name="shift")([deviation, noise])])
    return keras.Model([image, noise], [_decode(point, width), mean, log_variance], name="vae")


def _encode(image: Any, width: int) -> Any:
    """28 x 28 pixels to a vector of features."""
    from keras import layers

    x = layers.Conv2D(width, 3, 2, "same", activation="relu", name="encode1")(image)  # 14 x 14 x 16
    x = layers.Conv2D(2 * width, 3, 2, "same", activation="relu", name="encode2")(x)  # 7 x 7 x 32
    return layers.Flatten(name="features")(x)  # 1568


def _decode(point: Any, width: int) -> Any:
    """A latent point to logits of 28 x 28 pixels."""
    from keras import layers

    x = layers.Dense(7 * 7 * 2 * width, activation="relu", name="decode0")(point)
    x = layers.Reshape((7, 7, 2 * width), name="map")(x)  # 7 x 7 x 32
    x = layers.Conv2DTranspose(2 * width, 3, 2, "same", activation="relu", name="decode1")(x)  # 14 x 14 x 32
    x = layers.Conv2DTranspose(width, 3, 2, "same", activation="relu", name="decode2")(x)  # 28 x 28 x 16
    return layers.Conv2D(1, 3, padding="same", name="reconstruction")(x)  # 28 x 28 x 1


def preprocess(**_: object) -> Preprocessing:
    """Return how a photo becomes the input: grey, 28 x 28, bytes to [0, 1]."""
    return Preprocessing(
        height=SIDE, width=SIDE, colours="GRAY", resize="bilinear", crop_fraction=1.0, scale=(1 / 255,)
    )


VAE = register(
    Architecture(
        name="vae",
        title="Variational autoencoder (Kingma, Welling, 2013)",
        task="generation",
        paper="https://arxiv.org/abs/1312.6114",
        build=build,
        inputs=photo(preprocess, others={NOISE: Random()}),
        parameter_count=95_681,
        weights=(pretrained.FASHION_MNIST, pretrained.TINY),
    )
)
