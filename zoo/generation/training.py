"""Train the variational autoencoder on Fashion-MNIST: how our own weights were made.

python -m zoo.generation.training
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.generation.scores import elbo, psnr_db
from zoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

NAME = "vae"


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
    """Train `model` in place on `photos` (N, H, W, C): the bound goes up.

    The same seed on the same machine gives the same weights.
    """
    import keras
    import numpy as np

    keras.utils.set_random_seed(seed)
    steps = epochs * (len(photos) // batch)
    step = _step(model, keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps)))
    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        order = rng.permutation(len(photos))
        bounds = []
        for start in range(0, len(order) - batch + 1, batch):
            images = preprocessing.normalise(photos[order[start : start + batch]])
            bounds.append(float(step(images, draw(model, len(images), rng))))
        click.echo(f"epoch {epoch + 1} of {epochs}: training ELBO {np.mean(bounds):.2f} nats")


def draw(model: keras.Model, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return noise (count, latent), standard normal, for as many pictures."""
    import numpy as np

    return rng.standard_normal((count, model.inputs[1].shape[1]), np.float32)


def evaluate(
    model: keras.Model, preprocessing: Preprocessing, photos: NDArray[np.uint8], *, seed: int = 0
) -> tuple[float, float]:
    """Return PSNR in dB and ELBO in nats an image, of the pictures of drawn points, on `photos` (N, H, W, C)."""
    import numpy as np

    images = preprocessing.normalise(photos)
    noise = draw(model, len(images), np.random.default_rng(seed))
    logits, mean, log_variance = model.predict([images, noise], batch_size=256, verbose=0)
    return psnr_db(images, logits), elbo(images, logits, mean, log_variance)


def _step(model: keras.Model, optimizer: keras.Optimizer) -> Any:
    """Return what trains `model` on one batch of images and noise, and tells the bound before."""
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


@click.command()
@click.option("--epochs", default=16, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--data", type=click.Path(path_type=Path), help="Folder with Fashion-MNIST's four .gz files.")
@click.option("--out", default=Path("vae-fashion_mnist.npz"), show_default=True, type=click.Path(path_type=Path))
def main(epochs: int, seed: int, data: Path | None, out: Path) -> None:
    """Train the autoencoder on Fashion-MNIST and write its weights, float16, with their scores on the test images."""
    import hashlib

    import keras
    import tensorflow as tf

    import zoo
    from zoo import datasets
    from zoo.weights import assign
    from zoo.weights.readers import npz

    # Here and not in fit: it is for the whole process, and refuses unseeded draws of anybody else's.
    tf.config.experimental.enable_op_determinism()
    architecture = zoo.find(NAME)
    keras.utils.set_random_seed(seed)
    model, preprocessing = architecture.build(), architecture.preprocess()
    fit(model, preprocessing, datasets.load("fashion_mnist", "train", data)[0], epochs=epochs, seed=seed)
    npz.write(out, {weight.path: weight.numpy() for weight in model.weights})
    assign(model, npz.read([out]))  # what is measured is what is shipped
    psnr, bound = evaluate(model, preprocessing, datasets.load("fashion_mnist", "test", data)[0])
    click.echo(f"on the test images: PSNR {psnr:.2f} dB, ELBO {bound:.2f} nats")
    click.echo(f"{out}: {out.stat().st_size} bytes, sha256 {hashlib.sha256(out.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
