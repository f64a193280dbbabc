"""Digests of the photos, sounds or texts in a source of labelled data, as a trained network keeps them."""

from __future__ import annotations

import csv
from pathlib import Path

from calibration import text_files
from calibration.class_files import named_photos
from calibration.photo_file import SUFFIXES as PHOTOS
from zoo import trained_on
from zoo.audio.wave_file import SUFFIXES as SOUNDS
from zoo.errors import UsageProblemError


def of_source(source: str) -> frozenset[bytes]:
    """Return the digests of the photos and sounds of a folder or a .csv, or of all texts of a file; or none."""
    path = Path(source).expanduser()
    try:
        if path.is_dir():
            files = (one for one in path.rglob("*") if one.suffix.lower() in PHOTOS | SOUNDS and one.is_file())
            return frozenset(map(trained_on.of_file, files))
        if path.suffix.lower() == text_files.LINES and path.is_file():
            return frozenset(map(trained_on.of_text, text_files.lines(path)))
        if text_files.is_table(path):
            return frozenset(map(trained_on.of_text, text_files.texts(path)))
        if path.suffix.lower() == text_files.TABLE and path.is_file() and _lists_files(path):
            return frozenset(trained_on.of_file(photo) for photo, _ in named_photos(path))
    except (UsageProblemError, OSError):
        return frozenset()  # what reads the source says what is wrong with it
    return frozenset()


def _lists_files(path: Path) -> bool:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return "file" in next(csv.reader(file), [])
