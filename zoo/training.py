"""Train a network of the zoo on Fashion-MNIST: how our own weights were made.

python -m zoo.training lenet5
python -m zoo.training mobilenet --tiny
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

_MOST_SHIFT = 2  # pixels, each way


def fit(
    model: keras.Model,
    preprocessing: Preprocessing,
    photos: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    *,
    epochs: int,
    batch: int = 128,
    learning_rate: float = 2e-3,
    seed: int = 0,
) -> None:
    """Train `model` in place on `photos` (N, H, W, C), of the input's size, with shifted and mirrored copies.

    Labels are one class for each photo (N,), or one for each pixel (N, H, W), which move with the photo.
    The same seed on the same machine gives the same weights.
    """
    import keras
    import numpy as np

    keras.utils.set_random_seed(seed)
    steps = epochs * (len(photos) // batch)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    model.compile(
        optimizer=keras.optimizers.AdamW(schedule, weight_decay=1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        accuracies = [
            model.train_on_batch(preprocessing.normalise(some), answers)[1]
            for some, answers in _batches(photos, labels, batch, rng)
        ]
        click.echo(f"epoch {epoch + 1} of {epochs}: training accuracy {np.mean(accuracies):.4f}")


def evaluate(
    model: keras.Model, preprocessing: Preprocessing, photos: NDArray[np.uint8], labels: NDArray[np.uint8]
) -> float:
    """Return the share of `photos` (N, H, W, C) whose largest logit is the label's."""
    logits = model.predict(preprocessing.normalise(photos), batch_size=256, verbose=0)
    return float((logits.argmax(-1) == labels).mean())


def place(images: NDArray[np.uint8], preprocessing: Preprocessing, *, pad: bool) -> NDArray[np.uint8]:
    """Return grey `images` (N, 28, 28) at the size and channels of the input.

    `pad` puts them unchanged into the middle of a black frame, as LeCun et al. did; otherwise they are
    stretched, as a photo would be. We train on both, so that the network does not mind which.
    """
    import numpy as np
    from PIL import Image

    sides = (preprocessing.height, preprocessing.width)
    if pad:
        margins = [(side - old + 1) // 2 for side, old in zip(sides, images.shape[1:], strict=True)]
        placed = np.zeros((len(images), *sides), np.uint8)
        placed[:, margins[0] :, margins[1] :][:, : images.shape[1], : images.shape[2]] = images
    else:
        size = sides[::-1]
        stretched = [Image.fromarray(image).resize(size, Image.Resampling.BILINEAR) for image in images]
        placed = np.stack([np.asarray(image) for image in stretched])
    return np.repeat(placed[..., None], preprocessing.channels, axis=-1)


def _batches(
    photos: NDArray[np.uint8], labels: NDArray[np.uint8], size: int, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Yield one epoch in random order; every batch is shifted as a whole, and half of each is mirrored."""
    order = rng.permutation(len(photos))
    for start in range(0, len(order) - size + 1, size):
        chosen = order[start : start + size]
        shift = rng.integers(-_MOST_SHIFT, _MOST_SHIFT + 1, 2)
        answers = labels[chosen]
        yield _moved(photos[chosen], shift), answers if answers.ndim == 1 else _moved(answers, shift)


def _moved(batch: NDArray[np.uint8], shift: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return pictures (N, H, W, ...) with every second one mirrored, and all of them shifted."""
    import numpy as np

    batch[::2] = batch[::2, :, ::-1]
    return np.roll(batch, shift, axis=(1, 2))


@click.command()
@click.argument("name")
@click.option("--tiny", is_flag=True, help="The small variant that the tests use.")
@click.option("--epochs", default=20, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--data", type=click.Path(path_type=Path), help="Folder with Fashion-MNIST's four .gz files.")
@click.option("--out", type=click.Path(path_type=Path), help="Default: NAME-fashion_mnist.npz, NAME_tiny-.")
def main(name: str, tiny: bool, epochs: int, seed: int, data: Path | None, out: Path | None) -> None:
    """Train NAME on Fashion-MNIST and write its weights, float16, with their test accuracy."""
    import hashlib

    import keras
    import numpy as np
    import tensorflow as tf

    import zoo
    from zoo import datasets
    from zoo.weights import assign
    from zoo.weights.readers import npz

    # Here and not in fit: it is for the whole process, and refuses unseeded draws of anybody else's.
    tf.config.experimental.enable_op_determinism()
    architecture = zoo.find(name)
    options = dict(architecture.tiny) if tiny else {"classes": 10}
    keras.utils.set_random_seed(seed)
    model, preprocessing = architecture.build(**options), architecture.preprocess(**options)
    images, labels = datasets.load("fashion_mnist", "train", data)
    photos = np.concatenate([place(images[..., 0], preprocessing, pad=pad) for pad in (True, False)])
    fit(model, preprocessing, photos, np.tile(labels, 2), epochs=epochs, seed=seed)
    out = out or Path(f"{name}{'_tiny' if tiny else ''}-fashion_mnist.npz")
    npz.write(out, {weight.path: weight.numpy() for weight in model.weights})
    assign(model, npz.read([out]))  # what is measured is what is shipped
    images, labels = datasets.load("fashion_mnist", "test", data)
    for pad, words in ((True, "in a black frame"), (False, "stretched")):
        accuracy = evaluate(model, preprocessing, place(images[..., 0], preprocessing, pad=pad), labels)
        click.echo(f"test accuracy, {words}: {accuracy:.4f}")
    click.echo(f"{out}: {out.stat().st_size} bytes, sha256 {hashlib.sha256(out.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
