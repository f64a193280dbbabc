"""Train an architecture of the zoo as its shipped weights were trained.

python -m zoo.pretraining lenet5
python -m zoo.pretraining mobilenet --tiny --epochs 12
python -m zoo.pretraining gpt_small
python -m zoo.pretraining bert_tiny --tiny
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

import zoo
from zoo.errors import UsageProblemError
from zoo.pretraining import COURSES
from zoo.pretraining.course import Network, Settings
from zoo.weights import assign
from zoo.weights.readers import npz

if TYPE_CHECKING:
    from zoo.architecture import Architecture
    from zoo.pretraining.course import Course


def train(architecture: Architecture, course: Course, settings: Settings, out: Path, *, tiny: bool) -> list[str]:
    """Train `architecture` and write its weights to `out`, float16; return what was measured on the test data."""
    import keras
    import tensorflow as tf

    # For the whole process: from here on TensorFlow refuses random operations without a seed.
    tf.config.experimental.enable_op_determinism()
    options = dict(architecture.tiny if tiny else course.options)
    keras.utils.set_random_seed(settings.seed)
    network = Network(
        model=architecture.build(**options),
        inputs=architecture.inputs(**options),
        companions=architecture.companions(**options) if architecture.companions else {},
        detection=architecture.detection(**options) if architecture.detection else None,
    )
    course.fit(network, settings)
    npz.write(out, {weight.path: weight.numpy() for weight in network.model.weights})
    assign(network.model, npz.read([out]))  # measure the float16 weights that are shipped
    return list(course.measure(network, settings))


@click.command()
@click.argument("name")
@click.option("--tiny", is_flag=True, help="Train the tiny variant, as for `--weights tiny`.")
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the training data; default by task.")
@click.option("--count", type=click.IntRange(min=1), help="Generated scenes or canvases to train on.")
@click.option("--seed", default=0, show_default=True, help="Random seed.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder with Fashion-MNIST's four .gz files, or with the archive of the plays.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Default: NAME-DATA.npz, or NAME_tiny-DATA.npz.")
def main(
    name: str, tiny: bool, epochs: int | None, count: int | None, seed: int, data: Path | None, out: Path | None
) -> None:
    """Train NAME as its shipped weights were trained, and write its weights and their accuracy on test data.

    Classifiers and the VAE learn Fashion-MNIST, detectors scenes and segmenters canvases: clothes on photos. Decoders
    of text learn Shakespeare's plays, and the tiny BERT the tokens that are hidden in them.
    """
    architecture = zoo.find(name)
    task = architecture.task_for({**architecture.settings({}), **(architecture.tiny if tiny else {})})
    if task not in COURSES:
        raise UsageProblemError(f"{name} has no training here: its task is {task}")
    course = COURSES[task]
    settings = Settings(epochs=epochs or course.epochs, count=course.count, seed=seed, data=data)
    if count:
        settings = replace(settings, count=count)
    variant = "_tiny" if tiny and architecture.tiny else ""
    out = out or Path(f"{name}{variant}-{course.data}.npz")
    for sentence in train(architecture, course, settings, out, tiny=tiny):
        click.echo(sentence)
    click.echo(f"{out}: {out.stat().st_size} bytes, sha256 {hashlib.sha256(out.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
