"""Train the small U-Net on canvases, clothes of Fashion-MNIST on photos: how our own weights were made.

python -m zoo.segmentation.training
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.preprocessing import Preprocessing
from zoo.segmentation.scores import confusion, mean_iou
from zoo.training import fit

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["evaluate", "fit"]

NAME = "unet"
_BATCH = 32


def evaluate(
    model: keras.Model, preprocessing: Preprocessing, photos: NDArray[np.uint8], masks: NDArray[np.uint8]
) -> float:
    """Return the mean IoU of the model's masks of `photos` (N, H, W, C) with the true ones (N, H, W)."""
    logits = model.predict(preprocessing.normalise(photos), batch_size=_BATCH, verbose=0)
    return mean_iou(confusion(masks, logits.argmax(-1), logits.shape[-1]))


@click.command()
@click.option("--count", default=12_000, show_default=True, help="Canvases to train on.")
@click.option("--epochs", default=10, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--data", type=click.Path(path_type=Path), help="Folder with Fashion-MNIST's four .gz files.")
@click.option("--out", default=Path("unet_tiny-canvases.npz"), show_default=True, type=click.Path(path_type=Path))
def main(count: int, epochs: int, seed: int, data: Path | None, out: Path) -> None:
    """Train the small U-Net and write its weights, float16, with their mean IoU on test canvases."""
    import hashlib

    import keras
    import tensorflow as tf

    import zoo
    from zoo.segmentation.canvases import canvases
    from zoo.weights import assign
    from zoo.weights.readers import npz

    # Here and not in fit: it is for the whole process, and refuses unseeded draws of anybody else's.
    tf.config.experimental.enable_op_determinism()
    architecture = zoo.find(NAME)
    keras.utils.set_random_seed(seed)
    model, preprocessing = architecture.build(**architecture.tiny), architecture.preprocess(**architecture.tiny)
    learnt = canvases("train", count, preprocessing.height, seed, data)
    fit(model, preprocessing, learnt.photos, learnt.masks, epochs=epochs, batch=_BATCH, seed=seed)
    npz.write(out, {weight.path: weight.numpy() for weight in model.weights})
    assign(model, npz.read([out]))  # what is measured is what is shipped
    tested = canvases("test", 1000, preprocessing.height, seed, data)
    score = evaluate(model, preprocessing, tested.photos, tested.masks)
    click.echo(f"mean IoU on {len(tested.photos)} test canvases: {score:.4f}")
    click.echo(f"{out}: {out.stat().st_size} bytes, sha256 {hashlib.sha256(out.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
