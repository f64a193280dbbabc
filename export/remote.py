"""The jobs that run an export or a proof in a separate process: plain data in, plain data out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.passes import registry
from export.recipe import Budget, Io, Preset, Recipe, Width
from export.scheme import SCHEMES
from zoo.errors import UsageProblemError

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


def prove(request: Mapping[str, Any], path: str, progress: Progress) -> dict[str, Any]:
    """Prove a file that another tool made from the recipe's model, and return its record.

    Raises:
        UsageProblemError: the file does not fit the model, or has a cache.
        OutsideError: the runtime cannot run the file.
    """
    from export import temporary
    from export.model.subject import load_subject
    from export.proof.foreign.prove import prove as prove_file
    from export.proof.foreign.record import record
    from export.quantization.export_run import ExportRun
    from export.quantization.samples import draw
    from export.runtime.decoding import writes_text

    if writes_text(Path(path)):
        raise UsageProblemError(
            f"{Path(path).name} writes text with a cache; prove such a file where it was exported: zoo verify FOLDER"
        )
    recipe = _recipe(dict(request))
    with temporary.folder() as folder:
        work = Path(folder)
        progress.step("build the model")
        subject = load_subject(recipe, lambda done, total: progress.step("fetch the weights", done, total))
        if subject.entries:
            names = ", ".join(subject.entries)
            raise UsageProblemError(f"{subject.title} has the entry points {names}; only files of one can be proven")
        progress.step("draw the samples")
        samples = draw(subject, recipe, work / "samples", progress=progress)
        run = ExportRun(subject=subject, recipe=recipe, samples=samples, work=work, progress=progress)
        return record(prove_file(run, Path(path)), Path(path))


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
