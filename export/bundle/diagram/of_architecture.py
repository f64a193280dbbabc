"""The diagram of an architecture or a model file, as a job of a process whose libraries write to a log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from export.bundle.diagram import drawing
from zoo.architecture import find
from zoo.errors import OutsideError

if TYPE_CHECKING:
    import keras

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
    return _written(flat(model), architecture.title, place, full, progress)


def write_diagram_of_file(file: str, path: str, full: bool, progress: Progress) -> dict[str, Any]:
    """Draw the model of a file to another file, and return `{"bytes": size}`.

    Raises:
        ZooError: the model cannot be loaded.
        OutsideError: the file cannot be written.
    """
    from export.model.loading import model_file
    from export.passes.fold import flat

    progress.step("build the model")
    model = model_file.load(Path(file)).model
    return _written(flat(model), Path(file).name, Path(path), full, progress)


def _written(model: keras.Model, title: str, path: Path, full: bool, progress: Progress) -> dict[str, Any]:
    progress.step("draw the diagram")
    content = drawing.draw(model, title, path.suffix[1:].lower(), full=full)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise OutsideError(f"cannot write {path} ({error.strerror}); type another --diagram FILE") from error
    return {"bytes": len(content)}
