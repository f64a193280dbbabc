"""The job that runs an export in a separate process: plain data in, plain data out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.passes import registry
from export.recipe import Budget, Io, Preset, Recipe, Width
from export.scheme import SCHEMES

if TYPE_CHECKING:
    from export.progress import Progress


def export(request: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Export a recipe and return `{"folder", "manifest", "replaced"}`.

    Raises:
        ZooError: as `export.pipeline.run`.
    """
    from export import pipeline

    delivery = pipeline.run(_recipe(dict(request)), progress)
    folder = str(delivery.folder) if delivery.folder else None
    return {"folder": folder, "manifest": delivery.manifest, "replaced": delivery.replaced}


def request_of(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as the plain data that `export` takes."""
    names = [scheme.name for scheme in recipe.schemes]
    return {**asdict(recipe), "schemes": names, "passes": registry.record(recipe.passes), "out": str(recipe.out)}


def _recipe(record: dict[str, Any]) -> Recipe:
    record["schemes"] = tuple(SCHEMES[name] for name in record["schemes"])
    record["formats"] = tuple(record["formats"])
    record["imports"] = tuple(record["imports"])
    record["input_shapes"] = {name: tuple(shape) for name, shape in record["input_shapes"].items()}
    record["passes"] = registry.from_record(record["passes"])
    record["raised"] = {layer: Width(width) for layer, width in record["raised"].items()}
    record["budget"] = _budget(record["budget"])
    record["io"] = Io(record["io"]) if record["io"] else None
    record["out"] = Path(record["out"])
    return Recipe(**record)


def _budget(record: dict[str, Any]) -> Budget:
    record["preset"] = Preset(record["preset"]) if record["preset"] else None
    record["widths"] = tuple(Width(width) for width in record["widths"])
    return Budget(**record)
