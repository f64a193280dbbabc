"""The variational autoencoder learns the pictures of Fashion-MNIST."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from zoo import datasets
from zoo.generation.noise import standard_normal
from zoo.generation.scores import elbo, psnr_db
from zoo.preprocessing import Preprocessing
from zoo.pretraining.course import Course, Network, Settings

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray


def fit(
    model: keras.Model,
    preprocessing: Preprocessing,
    photos: NDArray[np.uint8],
    *,
    epochs: int,
    batch: int = 128,
    learning_rate: float = 2e-3,
    seed: int = 0,
) -> None:
    """Train `model` in place on `photos` (N, H, W, C) to raise the evidence lower bound.

    The same seed on the same machine gives the same weights.
    """
    import keras
    import numpy as np

    keras.utils.set_random_seed(seed)
    steps = epochs * (len(photos) // batch)
    step = training_step(model, keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps)))
    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        order = rng.permutation(len(photos))
        bounds = []
        for start in range(0, len(order) - batch + 1, batch):
            images = preprocessing.normalise(photos[order[start : start + batch]])
            bounds.append(float(step(images, standard_normal(model, len(images), rng))))
        click.echo(f"epoch {epoch + 1} of {epochs}: training ELBO {np.mean(bounds):.2f} nats")


def evaluate(
    model: keras.Model, preprocessing: Preprocessing, photos: NDArray[np.uint8], *, seed: int = 0
) -> tuple[float, float]:
    """Return PSNR in dB and ELBO in nats per image of the reconstructions of `photos` (N, H, W, C), noise by `seed`."""
    import numpy as np

    images = preprocessing.normalise(photos)
    noise = standard_normal(model, len(images), np.random.default_rng(seed))
    logits, mean, log_variance = model.predict([images, noise], batch_size=256, verbose=0)
    return psnr_db(images, logits), elbo(images, logits, mean, log_variance)


def training_step(model: keras.Model, optimizer: keras.Optimizer) -> Any:
    """Return a function (images, noise) that trains `model` on one batch and returns the bound before the step."""
    import tensorflow as tf

    def bound(images: Any, noise: Any) -> Any:
        """Equation 10 of the paper; `scores.elbo` is the same in numpy."""
        logits, mean, log_variance = model([images, noise], training=True)
        pixels = tf.nn.sigmoid_cross_entropy_with_logits(labels=images, logits=logits)
        divergence = (mean**2 + tf.exp(log_variance) - 1 - log_variance) / 2
        return -tf.reduce_mean(tf.reduce_sum(pixels, axis=(1, 2, 3)) + tf.reduce_sum(divergence, axis=1))

    def step(images: Any, noise: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = -bound(images, noise)
        weights = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return -loss

    return tf.function(step, reduce_retracing=True)


def _fit(network: Network, settings: Settings) -> None:
    photos, _ = datasets.load("fashion_mnist", "train", settings.data)
    fit(network.model, network.preprocessing, photos, epochs=settings.epochs, seed=settings.seed)


def _measure(network: Network, settings: Settings) -> list[str]:
    photos, _ = datasets.load("fashion_mnist", "test", settings.data)
    psnr, bound = evaluate(network.model, network.preprocessing, photos)
    return [f"on the test images: PSNR {psnr:.2f} dB, ELBO {bound:.2f} nats"]


COURSE = Course(data="fashion_mnist", epochs=16, options={}, fit=_fit, measure=_measure)
