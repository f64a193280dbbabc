"""Train with cross-entropy: one class for each photo, or one for each pixel."""

from __future__ import annotations

from collections.abc import Iterator
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
            model.train_on_batch(preprocessing.normalise(some), truth)[1]
            for some, truth in batches(photos, labels, batch, rng)
        ]
        click.echo(f"epoch {epoch + 1} of {epochs}: training accuracy {np.mean(accuracies):.4f}")


def batches(
    photos: NDArray[np.uint8], labels: NDArray[np.uint8], size: int, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Yield one epoch in random order; every batch is shifted as a whole, and half of each is mirrored."""
    order = rng.permutation(len(photos))
    for start in range(0, len(order) - size + 1, size):
        chosen = order[start : start + size]
        shift = rng.integers(-_MOST_SHIFT, _MOST_SHIFT + 1, 2)
        truth = labels[chosen]
        yield _moved(photos[chosen], shift), truth if truth.ndim == 1 else _moved(truth, shift)


def _moved(batch: NDArray[np.uint8], shift: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return pictures (N, H, W, ...) with every second one mirrored, and all of them shifted."""
    import numpy as np

    batch[::2] = batch[::2, :, ::-1]
    return np.roll(batch, shift, axis=(1, 2))
