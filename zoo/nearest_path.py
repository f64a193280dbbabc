"""The path that was probably meant by one that does not exist."""

from __future__ import annotations

import difflib
from itertools import islice
from pathlib import Path

_MOST_NAMES = 2000  # of a folder in which a mistyped name is searched
_LEAST_LIKENESS = 0.65  # of difflib: photo and photos 0.91, one and none 0.86, nope and trunc 0.22


def nearest(path: Path) -> str:
    """Return "; did you mean 'photos'?" for the most similar name in the folder of a missing path; empty if none."""
    folder = next((one for one in path.parents if one.is_dir()), None)
    if folder is None:
        return ""
    missing, *rest = path.relative_to(folder).parts or (path.name,)
    try:
        names = [one.name for one in islice(folder.iterdir(), _MOST_NAMES) if not one.name.startswith(".")]
    except OSError:
        return ""
    likeness = {name: _likeness(missing, name) for name in names if name != missing}
    best = max(likeness, key=lambda name: likeness[name], default="")
    return f"; did you mean {str(Path(folder, best, *rest))!r}?" if likeness.get(best, 0) >= _LEAST_LIKENESS else ""


def _likeness(missing: str, name: str) -> float:
    """Return how similar two names are, from 0 to 1; of files of one kind, without the suffix that they share."""
    suffix = Path(missing).suffix.lower()
    if suffix and name.lower().endswith(suffix):
        missing, name = missing[: -len(suffix)], name[: -len(suffix)]
    return difflib.SequenceMatcher(None, missing.lower(), name.lower()).ratio()
