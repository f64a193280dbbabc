"""How it is exported: `export.run(export.Recipe(model="mobilenet", precisions=(export.Precision.INT8,)))`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from export.recipe import Io, Precision, Recipe

if TYPE_CHECKING:
    from export.pipeline import Delivery
    from export.progress import Progress

__all__ = ["Io", "Precision", "Recipe", "run"]


def run(
    recipe: Recipe, progress: Progress | None = None, calibration_function: Callable[[], Any] | None = None
) -> Delivery:
    """Export what `recipe` names, prove every file, and write the good ones; see `export.pipeline.run`."""
    from export import pipeline

    return pipeline.run(recipe, progress, calibration_function)
