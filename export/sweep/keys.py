"""The key of a result: a digest of all that decides it, and of nothing else.

That is the content of the model, of its weights and of the samples, the recipe, the code of this project and the
versions of the libraries. Folders, times and the machine's name do not count.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import zoo
from export import remote
from export.cache import surroundings
from export.model.subject import artifact_name
from export.passes import registry
from export.recipe import Recipe
from export.runtime.file_content import digest
from zoo.errors import OutsideError, UsageProblemError

# Fields of a recipe that say where files are written, or whether results are computed again.
UNDECIDING = ("out", "use_cache", "sign", "resume")
# Fields that may name a file or a folder, whose content counts.
CONTENTS = ("weights", "calibration", "evaluate", "original")
TABLE, COLUMN = ".csv", "file"


def export_key(recipe: Recipe) -> str:
    """Return the key of an export.

    Raises:
        UsageProblemError: samples come from a function, which has no content that could be compared.
        OutsideError: this project is not installed.
    """
    record = {name: value for name, value in remote.request_of(recipe).items() if name not in UNDECIDING}
    record["passes"] = list(registry.record(recipe.passes).items())  # in the order of their application
    record["model"] = _model(recipe)
    record["name"] = artifact_name(recipe)
    for name in CONTENTS:
        record[name] = _content(name, record[name])
    record["imports"] = [content_digest(Path(one).expanduser()) for one in recipe.imports]
    return _key("export", code(), json.dumps(record, sort_keys=True))


def pack_key(export: str, device: str) -> str:
    """Return the key of the folder of a device, from that of the export."""
    return _key("pack", export, device)


def code() -> str:
    """Return a digest of the code of this project, the libraries and the kind of machine.

    Raises:
        OutsideError: this project is not installed.
    """
    found = surroundings()
    if found is None:
        raise OutsideError("zoo-export is not installed, so its libraries are not known; type: pip install .")
    return found.hex()


def _key(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _model(recipe: Recipe) -> list[str]:
    if recipe.model not in zoo.names():
        return ["file", content_digest(Path(recipe.model).expanduser())]
    weights = zoo.find(recipe.model).trained_as(recipe.weights)
    pinned = [one.sha256 or one.md5 for one in weights.sources] if weights is not None else []
    return ["zoo", recipe.model, *pinned]


def _content(field: str, value: Any) -> Any:
    """Return the digest of a file or folder, or the value itself if it is a name."""
    if not isinstance(value, str):
        return value
    path = Path(value).expanduser()
    if path.exists():
        return ["content", content_digest(path)]
    if ":" in value:
        raise UsageProblemError(
            f"--{field} {value}: a sweep cannot tell when a function returns other samples; write them to an .npz"
        )
    return value


def content_digest(path: Path) -> str:
    """Return the digest of a file with the files that it lists, or of all files of a folder, by name."""
    found = hashlib.sha256()
    for name, file in sorted(files_of(path)):
        found.update(json.dumps([name, _file_digest(file)]).encode())
    return found.hexdigest()


def _file_digest(path: Path) -> str:
    facts = path.stat()
    return _known_digest(path.absolute(), facts.st_size, facts.st_mtime_ns)


@cache
def _known_digest(path: Path, _size: int, _time: int) -> str:
    return digest(path)  # once for all jobs that read the file


def files_of(path: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of a folder by name; or a file, whose name is empty, and the files that it lists."""
    if path.is_dir():
        yield from ((one.relative_to(path).as_posix(), one) for one in path.rglob("*") if one.is_file())
        return
    yield "", path
    if path.suffix.lower() == TABLE:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            listed = {str(row.get(COLUMN) or "") for row in csv.DictReader(file)}
        yield from ((name, path.parent / name) for name in listed if name and (path.parent / name).is_file())
