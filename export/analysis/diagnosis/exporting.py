"""Diagnose the int8 files of a running export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from export.analysis.diagnosis.comparable import comparable
from export.analysis.diagnosis.run import examined
from export.analysis.diagnosis.suggestions import Circumstances, refusal
from export.formats import PRIMARY
from export.proof.artifact import Artifact
from export.quantization.build import MadeFile
from export.quantization.export_run import ExportRun
from export.quantization.integer_base import IntegerBase
from export.quantization.requested import Key
from export.runtime.run_file import written
from export.scheme import FLOAT32, INT8
from zoo.errors import OutsideError, UsageProblemError

if TYPE_CHECKING:
    import keras


def diagnosed(
    artifacts: Sequence[Artifact], run: ExportRun, files: Mapping[Key, MadeFile], base: IntegerBase
) -> list[Artifact]:
    """Return the artifacts, with a diagnosis added to int8 files, or a note on why there is none.

    Args:
        artifacts: the artifacts of the export.
        run: the export.
        files: all files, including the float file in the primary format.
        base: the base that the int8 files were quantized from.
    """
    if not any(map(_can_be, artifacts)):
        return list(artifacts)
    reference = _reference(run, files, base)
    return [
        _diagnosed(artifact, run, files, base, *reference) if _can_be(artifact) else artifact for artifact in artifacts
    ]


def _can_be(artifact: Artifact) -> bool:
    return artifact.scheme == INT8 and bool(artifact.content) and not artifact.trouble


def _reference(run: ExportRun, files: Mapping[Key, MadeFile], base: IntegerBase) -> tuple[keras.Model, Path]:
    """Return the model whose layers the int8 files are compared with, and the path of its float file."""
    model = comparable(run.subject.model, base.reconstruction.records, run.samples.calibration)
    if model is run.subject.model:
        return model, files[PRIMARY.name, FLOAT32].on_disk(run.work)
    return model, written(run.work, f"equalized{PRIMARY.suffix}", PRIMARY.convert(model))


def _diagnosed(
    artifact: Artifact,
    run: ExportRun,
    files: Mapping[Key, MadeFile],
    base: IntegerBase,
    model: keras.Model,
    float_path: Path,
) -> Artifact:
    run.progress.step(f"diagnose the {artifact.scheme} .{artifact.format}")
    try:
        found = examined(
            model=model,
            float_file=float_path,
            path=files[artifact.format, artifact.scheme].on_disk(run.work),
            samples=run.samples.probe,
            folder=run.samples.probe_folder,
            camera_bytes=artifact.takes_camera_bytes,
            circumstances=Circumstances(
                reconstructed=base.is_reconstructed,
                refusal=refusal(base.reconstruction.records) if run.recipe.reconstruct else "",
                observer=run.recipe.observer,
                raised=tuple(run.recipe.raised),
            ),
        )
    except (OutsideError, UsageProblemError) as error:
        return replace(artifact, notes=(*artifact.notes, f"no diagnosis: {error}"))
    return replace(artifact, diagnosis={**found.record(), "file": artifact.file_name})
