"""List photo files with their class words, from a folder of class folders or a CSV."""

from __future__ import annotations

import csv
from pathlib import Path

from calibration.sources.folder import image_paths
from zoo.errors import UsageProblemError

CLASS_COLUMNS = ("class_index", "class", "label", "wnid", "class_name")


def named_photos(path: Path) -> list[tuple[Path, str]]:
    """Return the photos of a folder of class folders or of a CSV, each with its class as written there.

    Raises:
        UsageProblemError: there are no photos, or a photo is in no class folder.
    """
    return _from_folder(path) if path.is_dir() else _from_csv(path)


def _from_folder(folder: Path) -> list[tuple[Path, str]]:
    named = [(path, path.relative_to(folder).parts[0]) for path in image_paths(folder)]
    loose = [path.name for path, word in named if word == path.name]
    if loose:
        raise UsageProblemError(f"{folder.name}/{loose[0]} is in no class folder; give FOLDER/CLASS/photo.jpg")
    return named


def _from_csv(path: Path) -> list[tuple[Path, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageProblemError(f"{path.name} is not a CSV: {error}") from None
    columns = list(rows[0]) if rows else []
    column = next((name for name in CLASS_COLUMNS if name in columns), None)
    if "file" not in columns or column is None:
        held = ", ".join(map(str, columns)) or "none"
        raise UsageProblemError(f"{path.name} needs the columns file and class_index and a row per photo (has: {held})")
    return [
        (_listed_file(path, row["file"] or "", number), (row[column] or "").strip())
        for number, row in enumerate(rows, 2)
    ]


def _listed_file(path: Path, name: str, line: int) -> Path:
    for folder in (path.parent, path.parent / "images"):
        if name and (folder / name).is_file():
            return folder / name
    raise UsageProblemError(
        f"{path.name} line {line} names the file {name!r}, which is neither in the folder of the CSV nor in its images/"
    )
