"""Classifiers learn Fashion-MNIST, ten kinds of clothes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo import datasets
from zoo.preprocessing import Preprocessing
from zoo.pretraining.course import Course, Network, Settings
from zoo.pretraining.cross_entropy import fit

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray


def evaluate(
    model: keras.Model, preprocessing: Preprocessing, photos: NDArray[np.uint8], labels: NDArray[np.uint8]
) -> float:
    """Return the share of `photos` (N, H, W, C) whose largest logit is the label's."""
    logits = model.predict(preprocessing.normalise(photos), batch_size=256, verbose=0)
    return float((logits.argmax(-1) == labels).mean())


def place(images: NDArray[np.uint8], preprocessing: Preprocessing, *, pad: bool) -> NDArray[np.uint8]:
    """Return grey `images` (N, 28, 28) at the size and channels of the input.

    `pad` puts them unchanged into the middle of a black frame, as LeCun et al. did; otherwise they are
    stretched, as a photo would be. Training sees both.
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


def _fit(network: Network, settings: Settings) -> None:
    import numpy as np

    images, labels = datasets.load("fashion_mnist", "train", settings.data)
    photos = np.concatenate([place(images[..., 0], network.preprocessing, pad=pad) for pad in (True, False)])
    fit(
        network.model,
        network.preprocessing,
        photos,
        np.tile(labels, 2),
        epochs=settings.epochs,
        seed=settings.seed,
    )


def _measure(network: Network, settings: Settings) -> list[str]:
    images, labels = datasets.load("fashion_mnist", "test", settings.data)
    sentences = []
    for pad, words in ((True, "in a black frame"), (False, "stretched")):
        photos = place(images[..., 0], network.preprocessing, pad=pad)
        accuracy = evaluate(network.model, network.preprocessing, photos, labels)
        sentences.append(f"test accuracy, {words}: {accuracy:.4f}")
    return sentences


COURSE = Course(data="fashion_mnist", epochs=20, options={"classes": 10}, fit=_fit, measure=_measure)
