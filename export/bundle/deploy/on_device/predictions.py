"""What the outputs of a model mean, in lines for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.detection.boxes import on_photo
from zoo.detection.heads import Detection
from zoo.detection.suppression import detect

from .model import Model

Outputs = Mapping[str, NDArray[np.float64]]

SCORING_CLASSES = ("classification", "text classification", "sound classification")
SHOWN = 5  # classes, and numbers of a vector
THRESHOLD = 0.25  # lowest score of an object
MOST_OBJECTS = 20
PROBABILITY_SLACK = 0.01  # by which rounded probabilities may leave 0 to 1


def lines(model: Model, outputs: Outputs, photo_size: tuple[int, int] | None = None) -> list[str]:
    """Return what the outputs (1, ...) of one sample mean.

    Args:
        model: the model.
        outputs: real numbers by name.
        photo_size: width and height of the photo; None if the input was none.
    """
    first = next(iter(outputs.values()))[0]
    if model.task == "detection" and model.meaning is not None and photo_size is not None:
        return _objects(model, outputs, photo_size)
    if model.task == "segmentation" and first.ndim == 3:
        return _areas(model, first)
    if model.task in SCORING_CLASSES and len(outputs) == 1 and first.ndim == 1:
        return _classes(model, first)
    return [line for name, values in outputs.items() for line in _numbers(name, values[0])]


def probabilities(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scores (classes,) as probabilities: unchanged if they are between 0 and 1, else their softmax."""
    if scores.min() >= -PROBABILITY_SLACK and scores.max() <= 1 + PROBABILITY_SLACK:
        return scores
    powers = np.exp(scores - scores.max())
    shares: NDArray[np.float64] = powers / powers.sum()
    return shares


def class_name(model: Model, index: int) -> str:
    """Return the name of a class."""
    return model.labels[index] if index < len(model.labels) else f"class {index}"


def _classes(model: Model, scores: NDArray[np.float64]) -> list[str]:
    shares = probabilities(scores)
    best = np.argsort(-shares, kind="stable")[:SHOWN]
    return [f"{shares[index]:6.1%}  {class_name(model, int(index))}" for index in best]


def _objects(model: Model, outputs: Outputs, photo_size: tuple[int, int]) -> list[str]:
    assert model.meaning is not None  # `lines` looked
    meaning = Detection.from_record(model.meaning)
    rows = {name: values[0] for name, values in outputs.items()}
    found = detect(rows, meaning, threshold=THRESHOLD, most_objects=MOST_OBJECTS)
    boxes = np.rint(on_photo(found.boxes, *photo_size)).astype(int).tolist()
    return [
        f"{score:6.1%}  {class_name(model, int(index))}  x {left} to {right}, y {top} to {bottom}"
        for index, score, (left, top, right, bottom) in zip(found.classes, found.scores, boxes, strict=True)
    ] or ["no object detected"]


def _areas(model: Model, scores: NDArray[np.float64]) -> list[str]:
    classes = scores.argmax(-1)
    shares = np.bincount(classes.ravel(), minlength=scores.shape[-1]) / classes.size
    largest = [index for index in np.argsort(-shares, kind="stable")[:SHOWN] if shares[index]]
    return [f"{shares[index]:6.1%}  {class_name(model, int(index))}" for index in largest]


def _numbers(name: str, values: NDArray[Any]) -> list[str]:
    flat = values.ravel()
    first = ", ".join(f"{number:.4g}" for number in flat[:SHOWN])
    more = ", ..." if flat.size > SHOWN else ""
    return [f"{name} {values.shape}: {first}{more}"]
