"""Where the model and the samples of a delivered file lie on this machine: the manifest, which travels, has no folders.

Each file's origin is a small record in the local cache, by the digest of the file.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from export.model.loading.model_file import is_model_file
from export.recipe import Recipe
from export.runtime.file_content import digest
from zoo.weights.sources import cache_folder

_FOLDER = "origins"
_MOST_RECORDS = 1000


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The absolute paths of an export.

    Attributes:
        model: file of the model, or name of a network of the zoo.
        samples: what `--calibration` named; None for the built-in samples.
        imports: what `--import` named.
    """

    model: str
    samples: str | None = None
    imports: tuple[str, ...] = ()


def remember(recipe: Recipe, files: Iterable[Path]) -> None:
    """Note where the model and the samples of delivered files lie; a cache that cannot be written is no error."""
    model = _absolute(recipe.model) if is_model_file(recipe.model) else recipe.model
    samples = _absolute(recipe.calibration) if recipe.calibration is not None else None
    origin = Origin(model=model, samples=samples, imports=tuple(map(_absolute, recipe.imports)))
    folder = cache_folder() / _FOLDER
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            (folder / f"{digest(file)}.json").write_text(json.dumps(asdict(origin)), encoding="utf-8")
        _forget_oldest(folder)


def recall(file: Path) -> Origin | None:
    """Return where the model and the samples of a file lay; None if this machine did not export it."""
    try:
        record = json.loads((cache_folder() / _FOLDER / f"{digest(file)}.json").read_text(encoding="utf-8"))
        return Origin(model=record["model"], samples=record["samples"], imports=tuple(record["imports"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _forget_oldest(folder: Path) -> None:
    records = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
    for path in records[:-_MOST_RECORDS]:
        path.unlink(missing_ok=True)


def _absolute(text: str) -> str:
    path = Path(text).expanduser()
    return str(path.resolve()) if path.exists() else text
