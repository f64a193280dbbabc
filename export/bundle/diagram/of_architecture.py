"""The diagram of an architecture, as a job of a process whose libraries write to a log and not to the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.bundle.diagram import drawing
from zoo.architecture import find
from zoo.errors import OutsideError

if TYPE_CHECKING:
    from export.progress import Progress


def write_diagram(name: str, path: str, full: bool, progress: Progress) -> dict[str, Any]:
    """Draw an architecture with random weights to a file, and return `{"bytes": size}`.

    Raises:
        OutsideError: the file cannot be written.
    """
    from export.passes.fold import flat
    from zoo.weights.patches import blank_weights

    architecture, place = find(name), Path(path)
    progress.step("build the model")
    with blank_weights():
        model = architecture.build(**architecture.settings({}))
    progress.step("draw the diagram")
    content = drawing.draw(flat(model), architecture.title, place.suffix[1:].lower(), full=full)
    try:
        place.write_bytes(content)
    except OSError as error:
        raise OutsideError(f"cannot write {path} ({error.strerror}); type another --diagram FILE") from error
    return {"bytes": len(content)}
