"""Train a small detector on scenes, clothes of Fashion-MNIST on photos: how our own weights were made.

python -m zoo.detection.training yolo_v4_tiny
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.detection.heads import Detection
from zoo.preprocessing import Preprocessing

if TYPE_CHECKING:
    import keras

    from zoo.detection.scenes import Scenes


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
    # A second model of the same layers: the first keeps no loss of ours, which its file would have to name.
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


@click.command()
@click.argument("name")
@click.option("--count", default=8_000, show_default=True, help="Scenes to train on.")
@click.option("--epochs", default=14, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--data", type=click.Path(path_type=Path), help="Folder with Fashion-MNIST's four .gz files.")
@click.option("--out", type=click.Path(path_type=Path), help="Default: NAME_tiny-scenes.npz.")
def main(name: str, count: int, epochs: int, seed: int, data: Path | None, out: Path | None) -> None:
    """Train the small NAME and write its weights, float16, with their AP50 on test scenes."""
    import hashlib

    import keras
    import tensorflow as tf

    import zoo
    from zoo.detection.scenes import clothes
    from zoo.errors import UsageProblemError
    from zoo.weights import assign
    from zoo.weights.readers import npz

    architecture = zoo.find(name)
    if architecture.detection is None:
        raise UsageProblemError(f"{name} is no detector; train it with python -m zoo.training {name}")
    # Here and not in fit: it is for the whole process, and refuses unseeded draws of anybody else's.
    tf.config.experimental.enable_op_determinism()
    options = dict(architecture.tiny)
    keras.utils.set_random_seed(seed)
    model, preprocessing = architecture.build(**options), architecture.preprocess(**options)
    detection = architecture.detection(**options)
    fit(
        model,
        preprocessing,
        detection,
        clothes("train", count, preprocessing.height, seed, data),
        epochs=epochs,
        seed=seed,
    )
    out = out or Path(f"{name}_tiny-scenes.npz")
    npz.write(out, {weight.path: weight.numpy() for weight in model.weights})
    assign(model, npz.read([out]))  # what is measured is what is shipped
    tested = clothes("test", 1000, preprocessing.height, seed, data)
    click.echo(f"AP50 on {len(tested.photos)} test scenes: {evaluate(model, preprocessing, detection, tested):.4f}")
    click.echo(f"{out}: {out.stat().st_size} bytes, sha256 {hashlib.sha256(out.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
