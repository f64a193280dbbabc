"""manifest.json: the recipe, the measurements and the versions of an export."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import PurePath
from typing import Any

from calibration.samples import Samples
from export.analysis.evaluation import Evaluation
from export.bundle.golden_photo import GoldenPhoto
from export.bundle.incomparable import has_parity
from export.bundle.write import SCHEMA
from export.bundle.writer import TOOL, writer
from export.model import entries
from export.model.subject import Subject
from export.passes import registry
from export.proof.artifact import Artifact
from export.recipe import Budget, Recipe, Width
from export.runtime.versions import version
from export.scheme import Scheme
from zoo import inputs

# With fewer samples, one sample changes "same top-1" by more than a typical accuracy loss.
FEW_SAMPLES = 16

TOOLS = (
    "tensorflow",
    "keras",
    "tf2onnx",
    "onnx",
    "onnxruntime",
    "ai-edge-litert",
    "ai-edge-quantizer",
    "numpy",
)


def manifest(
    *,
    recipe: Recipe,
    subject: Subject,
    artifacts: list[Artifact],
    delivered: list[Artifact],
    calibration: Samples,
    stability: Mapping[str, Any] | None,
    passes: list[Mapping[str, Any]],
    probe: Samples,
    evaluation: Evaluation | None,
    budget: Mapping[str, Any] | None = None,
    pruning: Mapping[str, Any] | None = None,
    raised: Mapping[Scheme, Mapping[str, Width]] | None = None,
    photo: GoldenPhoto | None = None,
    deviations: Mapping[str, Any] | None = None,
    diagram: str | None = None,
) -> dict[str, Any]:
    """Return the manifest as plain data for JSON; every number was measured in this run."""
    records = [artifact.record() for artifact in delivered]
    needed = any(scheme.needs_calibration for scheme in recipe.schemes)
    return {
        "schema": SCHEMA,
        "name": subject.name,
        "title": subject.title,
        "weights": asdict(subject.weights),
        "history": [dict(record) for record in subject.history],
        "notes": list(subject.notes),
        "recipe": _recipe(recipe),
        "raised": {
            str(scheme): {layer: str(width) for layer, width in layers.items()}
            for scheme, layers in (raised or {}).items()
            if layers
        },
        "inputs": inputs.record(entries.contracts(subject)),
        "texts": {name: rule.record() for name, rule in subject.rules.items()},
        "state": entries.state(subject),
        "task": subject.task,
        "class_names": len(subject.labels),
        "meaning": dict(subject.meaning) if subject.meaning else None,
        "calibration": {
            **calibration.record(),
            "observer": recipe.observer,
            "stability": dict(stability) if stability else None,
        }
        if needed
        else None,
        "passes": [dict(record) for record in passes],
        "pruning": dict(pruning) if pruning else None,
        "probe": _probe(probe),
        "golden_photo": photo.record() if photo else None,
        "deviations": dict(deviations) if deviations else None,
        "diagram": diagram,
        "evaluation": asdict(evaluation) if evaluation else None,
        "budget": dict(budget) if budget else None,
        "passed": all(not artifact.failures for artifact in artifacts),
        "proves": proves(trained=subject.weights.trained, real=probe.real, files=records),
        "files": records,
        "not_delivered": [artifact.record() for artifact in artifacts if artifact not in delivered],
        "versions": {tool: version(tool) for tool in TOOLS} | {TOOL: writer(), "python": platform.python_version()},
        "machine": {"processor": platform.machine(), "system": platform.system()},
    }


def proves(*, trained: bool, real: bool, files: Iterable[Mapping[str, Any]]) -> str:
    """Return what `passed` means: for random weights or noise no more than float parity.

    Args:
        trained: whether the weights are trained.
        real: whether the samples are no noise.
        files: records of the files, which say whether parity could be checked.
    """
    if not trained and not has_parity(files):
        return "only that the files run: the weights are untrained, and magnify rounding"
    if not trained:
        return "float parity only: the weights are untrained"
    return "float parity and accuracy" if real else "float parity only: the samples are noise"


def _probe(probe: Samples) -> dict[str, Any]:
    record = probe.record()
    if len(probe) < FEW_SAMPLES:
        few = f"the proof used only {len(probe)} samples, so its percentages are unreliable: give {FEW_SAMPLES} or more"
        record["warnings"] = [*record["warnings"], few]
    return record


def plain(budget: Budget) -> dict[str, Any]:
    """Return a budget as plain data for JSON."""
    record = asdict(budget)
    record["preset"] = str(budget.preset) if budget.preset else None
    record["widths"] = [str(width) for width in budget.widths]
    return record


def _recipe(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as plain data, with file names but without the folders of this machine."""
    record = asdict(recipe)
    for place in ("out", "keep_failed", "sign", "use_cache", "resume"):
        del record[place]
    for place in ("model", "original", "weights", "calibration", "evaluate"):
        if isinstance(record[place], str) and "/" in record[place]:
            record[place] = PurePath(record[place]).name
    record["imports"] = [PurePath(file).name for file in recipe.imports]
    record["passes"] = registry.record(recipe.passes)
    record["budget"] = plain(recipe.budget)
    record["precisions"] = [str(scheme) for scheme in recipe.schemes]
    del record["schemes"]
    record["raised"] = {layer: str(width) for layer, width in recipe.raised.items()}
    record["io"] = str(recipe.io) if recipe.io else None
    return record
