"""What is done in a process of its own (`export.job`): plain data in, plain data out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.recipe import Budget, Io, Precision, Preset, Pruning, Recipe, Width

if TYPE_CHECKING:
    from export.progress import Progress

Answer = dict[str, Any]


def export(request: Mapping[str, Any], progress: Progress) -> Answer:
    """Export a recipe; answer `{"folder", "manifest", "replaced"}`.

    Raises:
        ZooError: as `export.pipeline.run`.
    """
    from export import pipeline

    delivery = pipeline.run(_recipe(dict(request)), progress)
    folder = str(delivery.folder) if delivery.folder else None
    return {"folder": folder, "manifest": delivery.manifest, "replaced": delivery.replaced}


def train(request: Mapping[str, Any], progress: Progress) -> Answer:
    """Train `request["recipe"]`, or go on if `request["resume"]`; answer what `training.pipeline.Trained` records.

    Raises:
        ZooError: as `training.pipeline.train`.
    """
    import tensorflow as tf

    from training.pipeline import train
    from training.recipe import TrainingRecipe

    # Here and not in the run: it is for the whole process, and refuses unseeded draws of anybody else's.
    tf.config.experimental.enable_op_determinism()
    recipe = dict(request["recipe"])
    trained = train(TrainingRecipe(**{**recipe, "out": Path(recipe["out"])}), progress.step, resume=request["resume"])
    return trained.record()


JOBS: dict[str, Callable[[Mapping[str, Any], Progress], Answer]] = {"export": export, "train": train}


def request_of(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as `export` takes it."""
    return {**asdict(recipe), "out": str(recipe.out)}


def _recipe(record: dict[str, Any]) -> Recipe:
    record["precisions"] = tuple(Precision(name) for name in record["precisions"])
    record["formats"] = tuple(record["formats"])
    record["pruning"] = _pruning(record["pruning"])
    record["raised"] = {layer: Width(width) for layer, width in record["raised"].items()}
    record["budget"] = _budget(record["budget"])
    record["io"] = Io(record["io"]) if record["io"] else None
    record["out"] = Path(record["out"])
    return Recipe(**record)


def _pruning(record: dict[str, Any] | None) -> Pruning | None:
    if record is None:
        return None
    return Pruning(**{**record, "pattern": tuple(record["pattern"]) if record["pattern"] else None})


def _budget(record: dict[str, Any]) -> Budget:
    record["preset"] = Preset(record["preset"]) if record["preset"] else None
    record["widths"] = tuple(Width(width) for width in record["widths"])
    return Budget(**record)
