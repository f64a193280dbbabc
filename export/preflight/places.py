"""What lies at a path that a user typed, in the user's words; and which path may have been meant."""

from __future__ import annotations

import difflib
from pathlib import Path

from calibration.foreign_photos import FOREIGN
from calibration.photo_file import SUFFIXES as PHOTOS
from export.bundle.write import MANIFEST
from export.formats import FORMATS
from export.model.loading import model_file, saved_model

_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")
_MOST_NAMES = 2000  # of a folder in which a mistyped name is searched
_CUTOFF = 0.65  # of difflib: photo and photos 0.91, one and none 0.86, nope and trunc 0.22


def expanded(text: str) -> Path:
    """Return the path that a user typed, with ~ replaced."""
    return Path(text).expanduser()


def nearest(path: Path) -> str:
    """Return "; did you mean 'photos'?" for the most similar name in the folder of a missing path; empty if none."""
    folder = next((one for one in path.parents if one.is_dir()), None)
    if folder is None:
        return ""
    missing = path.relative_to(folder).parts[0] if path != folder else path.name
    try:
        names = [one.name for _, one in zip(range(_MOST_NAMES), folder.iterdir(), strict=False)]
    except OSError:
        return ""
    likeness = {name: _likeness(missing, name) for name in names if not name.startswith(".")}
    best = max(likeness, key=lambda name: likeness[name], default="")
    if likeness.get(best, 0) < _CUTOFF:
        return ""
    rest = path.relative_to(folder).parts[1:]
    return f"; did you mean {str(Path(folder, best, *rest))!r}?"


def _likeness(missing: str, name: str) -> float:
    """Return how similar two names are, from 0 to 1; of files of one kind, without the suffix that they share."""
    suffix = Path(missing).suffix.lower()
    if suffix and name.lower().endswith(suffix):
        missing, name = missing[: -len(suffix)], name[: -len(suffix)]
    return difflib.SequenceMatcher(None, missing.lower(), name.lower()).ratio()


def described(path: Path) -> str:
    """Return what lies at an existing path: "the folder of a SavedModel", "a HEIC photo", "an empty folder"."""
    return _folder(path) if path.is_dir() else _file(path)


def _folder(path: Path) -> str:
    if saved_model.is_saved_model(path):
        return "the folder of a SavedModel"
    if (path / MANIFEST).is_file():
        return "the folder of an export"
    return "an empty folder" if not any(path.iterdir()) else "a folder"


def _file(path: Path) -> str:
    suffix = path.suffix.lower()
    if not path.stat().st_size:
        return "an empty file"
    if suffix in FOREIGN:
        return f"a {FOREIGN[suffix]} photo"
    if suffix in PHOTOS:
        return "a single photo"
    if suffix in model_file.SUFFIXES:
        return "the file of a model"
    if any(suffix == one.suffix for one in FORMATS.values()):
        return "an exported file"
    if suffix in _ARCHIVES:
        return "an archive, which must be unpacked first"
    return f"a {suffix} file" if suffix else "a file without a suffix"
