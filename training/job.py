"""A training run as a job of `export.runtime.background`: plain data in, plain data out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from training.recipe import from_record

if TYPE_CHECKING:
    from export.progress import Progress


def train(recipe: Mapping[str, Any], resume: bool, progress: Progress) -> dict[str, Any]:
    """Train as `recipe` says, or go on if `resume`; answer what `training.pipeline.Trained` records.

    Raises:
        ZooError: as `training.pipeline.train`.
    """
    import tensorflow as tf

    from training.pipeline import train

    # Here and not in the run: it is for the whole process, and refuses unseeded draws of anybody else's.
    tf.config.experimental.enable_op_determinism()
    return train(from_record(recipe), progress.step, resume=resume).record()


def evaluate(recipe: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Judge the file that `recipe` names on its data; answer what `training.pipeline.Judged` records.

    Raises:
        ZooError: as `training.pipeline.evaluate`.
    """
    from training.pipeline import evaluate

    return evaluate(from_record(recipe), progress.step).record()
