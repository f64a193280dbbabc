"""Photos in formats that are not read here, by the names that people know them by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from calibration.photo_file import FOREIGN


def counted(paths: Iterable[Path]) -> str:
    """Return "3 HEIC photos and 1 RAW photo" for the files of such formats; empty if there are none."""
    kinds = Counter(FOREIGN[path.suffix.lower()] for path in paths if path.suffix.lower() in FOREIGN)
    return " and ".join(f"{count} {kind} photo{'s' * (count != 1)}" for kind, count in sorted(kinds.items()))


def converting(path: Path) -> str:
    """Return what to do with such a photo."""
    return f"convert them to .jpg first, for example: magick {path.name} {path.stem}.jpg"
