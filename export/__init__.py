"""The export of a Keras model: `export.run(export.Recipe(model="mobilenet", schemes=(export.INT8,)))`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from export.recipe import Io, Recipe
from export.scheme import FLOAT16, FLOAT32, INT4, INT8, INT8_DYNAMIC, W8A16, W8A32, Scheme

if TYPE_CHECKING:
    from export.pipeline import Delivery
    from export.progress import Progress

__all__ = ["FLOAT16", "FLOAT32", "INT4", "INT8", "INT8_DYNAMIC", "W8A16", "W8A32", "Io", "Recipe", "Scheme", "run"]


def run(
    recipe: Recipe, progress: Progress | None = None, calibration_function: Callable[[], Any] | None = None
) -> Delivery:
    """Export the model that `recipe` names, prove every file, and write those that pass; see `export.pipeline.run`."""
    from export import pipeline

    return pipeline.run(recipe, progress, calibration_function)
