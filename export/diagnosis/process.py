"""The process in which a file is diagnosed: it needs TensorFlow, which prints, and has no place in a command's own."""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from export import models
from export.delivered import Delivered
from export.diagnosis import subject as subjects
from export.diagnosis.comparable import comparable, is_equalized
from export.diagnosis.examining import examined
from export.diagnosis.subject import Request
from export.recipe import Recipe
from export.report.page import command
from zoo.errors import UsageProblemError, ZooError


def examine(path: str, model: str | None, samples: str | None) -> dict[str, Any]:
    """Diagnose the file at `path`; answer the record of the diagnosis, and what to know about the comparison.

    Args:
        path: of a quantized file.
        model: that it was made of; None to ask the manifest beside it.
        samples: source; None for the samples of its proof.
    """
    request = Request(path=Path(path), model=model, samples=samples)
    subjects.check_samples(request)
    found = request.delivered()
    export, file = found if found is not None else (None, None)
    try:
        wanted = subjects.recipe(request, export)
        circumstances = subjects.circumstances(export)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageProblemError(f"the manifest beside {path} is damaged ({error}); export the model again") from error
    subject = models.load(wanted)
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


JOBS: Mapping[str, Callable[..., dict[str, Any]]] = {"examine": examine}


def main() -> int:
    """Read a request from standard input, write the answer to the file that it names."""
    request = json.load(sys.stdin)
    try:
        answer = JOBS[request["job"]](**request["arguments"])
    except ZooError as error:
        name, words = Path(request["arguments"]["path"]).name, str(error)
        answer = {"refused": f"{name}: {words}" if words.startswith("it") else words, "exit_code": error.exit_code}
    Path(request["answer"]).write_text(json.dumps(answer), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
