"""Diagnose a delivered file against the model and the samples that its folder names, or that the user names."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path
from typing import Any

from export.analysis.diagnosis.comparable import comparable, is_equalized
from export.analysis.diagnosis.run import examined
from export.bundle import diagnosed_export as subjects
from export.bundle.diagnosed_export import Request
from export.bundle.read import Delivered
from export.bundle.report.command import command
from export.model.subject import load_subject
from export.recipe import Recipe
from zoo.errors import UsageProblemError, ZooError


def diagnose_file(path: str, model: str | None, samples: str | None) -> dict[str, Any]:
    """Return the record of a quantized file's diagnosis, and what to know about the comparison.

    It loads TensorFlow, which prints: a job for `export.runtime.background`.

    Args:
        path: of the file.
        model: a name of the zoo or a .keras file; None to take it from the manifest beside the file.
        samples: a folder of photos, an .npz or .npy; None for the samples of its proof.

    Raises:
        UsageProblemError: nobody says which model it is; it is not that model, or it holds no integers.
        RuntimeCrashError: the file is damaged, or its runtime crashed on it.
    """
    try:
        return _diagnosed(path, model, samples)
    except ZooError as error:
        if str(error).startswith("it "):
            raise type(error)(f"{Path(path).name}: {error}") from error
        raise


def _diagnosed(path: str, model: str | None, samples: str | None) -> dict[str, Any]:
    request = Request(path=Path(path), model=model, samples=samples)
    subjects.check_samples(request)
    found = request.delivered()
    export, file = found if found is not None else (None, None)
    try:
        wanted = subjects.recipe(request, export)
        circumstances = subjects.circumstances(export)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageProblemError(f"the manifest beside {path} is damaged ({error}); export the model again") from error
    subject = load_subject(wanted)
    subjects.check_weights(subject, export)
    with tempfile.TemporaryDirectory(prefix="zoo-export-") as folder:
        work = Path(folder)
        records = export.manifest.get("stages", []) if export is not None else []
        equalized, drawn = is_equalized(records), None
        if equalized or request.samples is None:
            drawn = subjects.drawn_again(export, subject, wanted, work / "drawn")
        if equalized and drawn is None:
            raise UsageProblemError(
                f"the channels of {request.path.name} were scaled on the samples of its calibration, which do not "
                "travel with it: type --samples with the source of that export, or let the export itself compare: "
                "zoo export ... --diagnose"
            )
        chosen = subjects.samples(request, export, subject, wanted, drawn, work / "own").save(work / "chosen")
        model = comparable(subject.model, records, drawn.calibration) if drawn is not None else subject.model
        diagnosis = examined(
            model=model,
            float_file=subjects.float_file(export, model, work, is_original=not equalized),
            path=request.path,
            samples=chosen,
            folder=work / "chosen",
            camera_bytes=file is not None and file.takes_camera_bytes,
            circumstances=circumstances,
        )
    remarks = [] if subject.weights.trained else ["the weights are untrained: such numbers say nothing about accuracy"]
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
    """Return what to type for an export like the one that the file is of."""
    if export is not None:
        return command(export.manifest["recipe"])
    return shlex.join(["zoo", "export", wanted.model, "--int8"])
