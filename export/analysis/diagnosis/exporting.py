"""Diagnose the integer files of an export, of what it has at hand."""

from __future__ import annotations

from dataclasses import replace

from export.analysis.diagnosis.comparable import comparable
from export.analysis.diagnosis.run import examined
from export.analysis.diagnosis.suggestions import Circumstances, refusal
from export.formats import PRIMARY, find
from export.proof.artifact import Artifact
from export.quantization.build import Making
from export.recipe import Precision
from zoo.errors import OutsideError, UsageProblemError


def diagnosed(artifacts: list[Artifact], making: Making) -> list[Artifact]:
    """Return the artifacts, those of integer activations with their diagnosis, or with a note why there is none."""
    return [_diagnosed(artifact, making) if _can_be(artifact, making) else artifact for artifact in artifacts]


def _can_be(artifact: Artifact, making: Making) -> bool:
    runs = bool(artifact.content) and not artifact.trouble
    return runs and artifact.precision is Precision.INT8 and making.content(PRIMARY, Precision.FLOAT32) is not None


def _diagnosed(artifact: Artifact, making: Making) -> Artifact:
    file_format, float_file = find(artifact.format), making.content(PRIMARY, Precision.FLOAT32)
    assert float_file is not None  # looked at before
    making.progress.step(f"diagnose the {artifact.precision} .{artifact.format}")
    made_of = making.reconstruction
    records = made_of.records if made_of is not None else []
    model = comparable(making.subject.model, records, making.samples.calibration)
    path = making.path(PRIMARY, Precision.FLOAT32, float_file)
    if model is not making.subject.model:
        path = making.work / f"equalized{PRIMARY.suffix}"
        if not path.exists():
            path.write_bytes(PRIMARY.convert(model))
    try:
        found = examined(
            model=model,
            float_file=path,
            path=making.path(file_format, artifact.precision, artifact.content),
            samples=making.samples.probe,
            folder=making.samples.probe_folder,
            camera_bytes=artifact.takes_camera_bytes,
            circumstances=Circumstances(
                reconstructed=made_of is not None and made_of.model is not None,
                refusal=refusal(records) if making.recipe.reconstruct else "",
                observer=making.recipe.observer,
                raised=tuple(making.recipe.raised),
            ),
        )
    except (OutsideError, UsageProblemError) as error:
        return replace(artifact, notes=(*artifact.notes, f"its layers cannot be compared: {error}"))
    record = {**found.record(), "file": artifact.file_name}
    return replace(artifact, diagnosis=record)
