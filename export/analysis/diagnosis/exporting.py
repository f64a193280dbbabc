"""Diagnose the int8 files of a running export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from export.analysis.diagnosis.comparable import comparable
from export.analysis.diagnosis.run import examined
from export.analysis.diagnosis.suggestions import Circumstances, refusal
from export.formats import PRIMARY
from export.proof.artifact import Artifact
from export.quantization.build import Key, MadeFile
from export.quantization.export_run import ExportRun
from export.quantization.integer_base import IntegerBase, written
from export.scheme import FLOAT32, INT8
from zoo.errors import OutsideError, UsageProblemError


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
    return [_diagnosed(artifact, run, files, base) if _can_be(artifact) else artifact for artifact in artifacts]


def _can_be(artifact: Artifact) -> bool:
    return artifact.scheme == INT8 and bool(artifact.content) and not artifact.trouble


def _diagnosed(artifact: Artifact, run: ExportRun, files: Mapping[Key, MadeFile], base: IntegerBase) -> Artifact:
    run.progress.step(f"diagnose the {artifact.scheme} .{artifact.format}")
    records = base.reconstruction.records
    model = comparable(run.subject.model, records, run.samples.calibration)
    float_path = files[PRIMARY.name, FLOAT32].on_disk(run.work)
    if model is not run.subject.model:
        float_path = run.work / f"equalized{PRIMARY.suffix}"
        if not float_path.exists():
            written(float_path, PRIMARY.convert(model))
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
                refusal=refusal(records) if run.recipe.reconstruct else "",
                observer=run.recipe.observer,
                raised=tuple(run.recipe.raised),
            ),
        )
    except (OutsideError, UsageProblemError) as error:
        return replace(artifact, notes=(*artifact.notes, f"no diagnosis: {error}"))
    return replace(artifact, diagnosis={**found.record(), "file": artifact.file_name})
