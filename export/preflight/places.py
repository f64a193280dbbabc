"""What lies at a path that a user typed, in the user's words."""

from __future__ import annotations

from pathlib import Path

from calibration.photo_file import FOREIGN
from calibration.photo_file import SUFFIXES as PHOTOS
from export.bundle.write import MANIFEST
from export.formats import FORMATS
from export.model.loading import model_file, saved_model
from zoo.audio.wave_file import FOREIGN as FOREIGN_SOUNDS
from zoo.audio.wave_file import SUFFIXES as SOUNDS

_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")


def expanded(text: str) -> Path:
    """Return the path that a user typed, with ~ replaced."""
    return Path(text).expanduser()


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
    if suffix in SOUNDS:
        return "a single sound"
    if suffix in FOREIGN_SOUNDS:
        return f"a single sound of the kind {FOREIGN_SOUNDS[suffix]}, which is not read"
    if suffix in model_file.SUFFIXES:
        return "the file of a model"
    if any(suffix == one.suffix for one in FORMATS.values()):
        return "an exported file"
    if suffix in _ARCHIVES:
        return "an archive, which must be unpacked first"
    return f"a {suffix} file" if suffix else "a file without a suffix"
