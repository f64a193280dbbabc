"""A training run as a job of `export.runtime.background`: arguments and results are plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from training.recipe import from_record

if TYPE_CHECKING:
    from export.progress import Progress


def train(recipe: Mapping[str, Any], resume: bool, progress: Progress) -> dict[str, Any]:
    """Train as `recipe` says, or continue an interrupted run; return the record of `training.results.Trained`.

    Raises:
        ZooError: as `training.pipeline.train`.
    """
    import tensorflow as tf

    from training.pipeline import train

    # Set here and not in the pipeline: it holds for the whole process, where it rejects unseeded random operations.
    tf.config.experimental.enable_op_determinism()
    return train(from_record(recipe), progress.step, resume=resume).record()


def evaluate(recipe: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Evaluate the file that `recipe` names; return the record of `training.results.Evaluation`.

    Raises:
        ZooError: as `training.pipeline.evaluate`.
    """
    from training.pipeline import evaluate

    return evaluate(from_record(recipe), progress.step).record()
