"""Detectors learn scenes: clothes of Fashion-MNIST on photos, with a box around each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from zoo.detection.heads import Detection
from zoo.preprocessing import Preprocessing
from zoo.pretraining.course import Course, Network, Settings

if TYPE_CHECKING:
    import keras

    from zoo.detection.scenes import Scenes

_TEST_COUNT = 1000


def fit(
    model: keras.Model,
    preprocessing: Preprocessing,
    detection: Detection,
    scenes: Scenes,
    *,
    epochs: int,
    batch: int = 16,
    learning_rate: float = 3e-3,
    seed: int = 0,
) -> None:
    """Train `model` in place; the same seed on the same machine gives the same weights."""
    import keras
    import numpy as np

    from zoo.detection.loss import HeadLoss
    from zoo.detection.targets import encode

    keras.utils.set_random_seed(seed)
    steps = epochs * (len(scenes.photos) // batch)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    # A second model of the same layers, so that the first is saved without this custom loss.
    learner = keras.Model(model.inputs, model.outputs)
    learner.compile(
        optimizer=keras.optimizers.AdamW(schedule, weight_decay=1e-3),
        loss=[HeadLoss(head, detection) for head in detection.heads],
    )
    targets = encode(scenes.truth, detection, preprocessing.height)
    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        order = rng.permutation(len(scenes.photos))
        losses = []
        for start in range(0, len(order) - batch + 1, batch):
            some = order[start : start + batch]
            photos = preprocessing.normalise(scenes.photos[some])
            losses.append(learner.train_on_batch(photos, [target[some] for target in targets]))
        click.echo(f"epoch {epoch + 1} of {epochs}: loss {np.mean([np.ravel(one)[0] for one in losses]):.3f}")


def evaluate(model: keras.Model, preprocessing: Preprocessing, detection: Detection, scenes: Scenes) -> float:
    """Return the average precision at an overlap of .5."""
    from zoo.detection.average_precision import average_precision
    from zoo.detection.suppression import detect

    rows = model.predict(preprocessing.normalise(scenes.photos), batch_size=64, verbose=0)
    names = [head.output for head in detection.heads]
    found = [detect(dict(zip(names, outputs, strict=True)), detection) for outputs in zip(*rows, strict=True)]
    return average_precision(found, scenes.truth)["ap50"]


def _fit(network: Network, settings: Settings) -> None:
    fit(
        network.model,
        network.preprocessing,
        _meaning(network),
        _scenes("train", settings.count, network, settings),
        epochs=settings.epochs,
        seed=settings.seed,
    )


def _measure(network: Network, settings: Settings) -> list[str]:
    tested = _scenes("test", _TEST_COUNT, network, settings)
    score = evaluate(network.model, network.preprocessing, _meaning(network), tested)
    return [f"AP50 on {_TEST_COUNT} test scenes: {score:.4f}"]


def _scenes(split: Literal["train", "test"], count: int, network: Network, settings: Settings) -> Scenes:
    from zoo.detection.scenes import clothes

    return clothes(split, count, network.preprocessing.height, settings.seed, settings.data)


def _meaning(network: Network) -> Detection:
    if network.detection is None:
        raise TypeError(f"{network.model.name} is not a detector")
    return network.detection


COURSE = Course(data="scenes", epochs=14, count=8_000, options={"classes": 10}, fit=_fit, measure=_measure)
