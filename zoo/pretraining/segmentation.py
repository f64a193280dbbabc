"""Segmenters learn canvases: clothes of Fashion-MNIST on photos, with a mask of five groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.preprocessing import Preprocessing
from zoo.pretraining.course import Course, Network, Settings
from zoo.pretraining.cross_entropy import fit
from zoo.segmentation.canvases import CLASSES, canvases
from zoo.segmentation.scores import confusion, mean_iou

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

_BATCH = 32
_TEST_COUNT = 1000


def evaluate(
    model: keras.Model, preprocessing: Preprocessing, photos: NDArray[np.uint8], masks: NDArray[np.uint8]
) -> float:
    """Return the mean IoU of the model's masks of `photos` (N, H, W, C) with the true ones (N, H, W)."""
    logits = model.predict(preprocessing.normalise(photos), batch_size=_BATCH, verbose=0)
    return mean_iou(confusion(masks, logits.argmax(-1), logits.shape[-1]))


def _fit(network: Network, settings: Settings) -> None:
    side = network.preprocessing.height
    learned = canvases("train", settings.count, side, settings.seed, settings.data)
    fit(
        network.model,
        network.preprocessing,
        learned.photos,
        learned.masks,
        epochs=settings.epochs,
        batch=_BATCH,
        seed=settings.seed,
    )


def _measure(network: Network, settings: Settings) -> list[str]:
    tested = canvases("test", _TEST_COUNT, network.preprocessing.height, settings.seed, settings.data)
    score = evaluate(network.model, network.preprocessing, tested.photos, tested.masks)
    return [f"mean IoU on {_TEST_COUNT} test canvases: {score:.4f}"]


COURSE = Course(data="canvases", epochs=10, count=12_000, options={"classes": CLASSES}, fit=_fit, measure=_measure)
