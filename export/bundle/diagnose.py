"""Diagnose a delivered file, with the model and the samples from its manifest or from the user."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from export import temporary
from export.analysis.diagnosis.comparable import comparable, is_equalized
from export.analysis.diagnosis.run import examined
from export.bundle import diagnosed_export as subjects
from export.bundle.diagnosed_export import Request
from export.bundle.read import Delivered
from export.bundle.report.command import command
from export.model.subject import load_subject
from export.progress import Progress, Quiet
from export.recipe import Recipe
from zoo.errors import UsageProblemError, ZooError

STEPS = ("build the model", "draw the samples", "compare with the Keras model layer by layer")


def diagnose_file(
    path: str, model: str | None, samples: str | None, progress: Progress | None = None
) -> dict[str, Any]:
    """Return the record of a quantized file's diagnosis, with remarks on the comparison.

    This is a job for `export.runtime.background`, because it loads TensorFlow, which prints.

    Args:
        path: path of the file.
        model: a name of the zoo or a .keras file; None to read it from the manifest in the file's folder.
        samples: a folder of photos, an .npz or .npy; None for the samples of the proof.
        progress: is notified of every step.

    Raises:
        UsageProblemError: the model is unknown or is not the source of the file, or the file is not quantized.
        RuntimeCrashError: the file is damaged, or its runtime crashed on it.
    """
    try:
        return _diagnosed(path, model, samples, progress or Quiet())
    except ZooError as error:
        if str(error).startswith("it "):
            raise type(error)(f"{Path(path).name}: {error}") from error
        raise


def _diagnosed(path: str, model: str | None, samples: str | None, progress: Progress) -> dict[str, Any]:
    request = Request(path=Path(path), model=model, samples=samples)
    subjects.check_samples(request)
    found = request.delivered()
    export, file = found if found is not None else (None, None)
    try:
        wanted = subjects.recipe(request, export)
        circumstances = subjects.circumstances(export)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageProblemError(
            f"the manifest in the folder of {path} is damaged ({error}); export the model again"
        ) from error
    progress.step(STEPS[0])
    subject = load_subject(wanted)
    subjects.check_weights(subject, export)
    with temporary.folder() as folder:
        work = Path(folder)
        progress.step(STEPS[1])
        records = export.manifest.get("passes", []) if export is not None else []
        equalized, draw = is_equalized(records), None
        if equalized or request.samples is None:
            draw = subjects.repeated_draw(export, subject, wanted, work / "draw")
        if equalized and draw is None:
            raise UsageProblemError(
                f"the channels of {request.path.name} were scaled on its calibration samples, which are not in its "
                "folder: type --samples with the calibration source of that export, or diagnose during the export "
                "with zoo export ... --diagnose"
            )
        chosen = subjects.samples(request, export, subject, wanted, draw, work / "own").save(work / "chosen")
        model = comparable(subject.model, records, draw.calibration) if draw is not None else subject.model
        progress.step(STEPS[2])
        diagnosis = examined(
            model=model,
            float_file=subjects.float_file(export, model, work, is_original=not equalized),
            path=request.path,
            samples=chosen,
            folder=work / "chosen",
            camera_bytes=file is not None and file.takes_camera_bytes,
            circumstances=circumstances,
        )
    remarks = [] if subject.weights.trained else ["the weights are untrained: these numbers do not measure accuracy"]
    if file is not None and (damage := file.damage()):
        remarks.append(damage)
    return {
        **diagnosis.record(),
        "model": subject.name,
        "title": subject.title,
        "remarks": remarks,
        "command": _command(export, wanted),
    }


def _command(export: Delivered | None, wanted: Recipe) -> str:
    """Return the command that repeats the export of the file."""
    if export is not None:
        return command(export.manifest["recipe"])
    return shlex.join(["zoo", "export", wanted.model, "--int8"])
