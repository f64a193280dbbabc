"""Whether a manifest says that its files cannot be compared with the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from export.scheme import FLOAT32


def says_incomparable(manifest: Mapping[str, Any]) -> bool:
    """Return whether the export found that untrained weights magnify rounding, so that no file equals the model."""
    return not manifest["weights"]["trained"] and not has_parity(manifest["files"])


def has_parity(files: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether parity could be checked for the float32 files of these records."""
    not_made = [
        one["id"] for file in files if file.get("precision") == str(FLOAT32) for one in file.get("checks_not_made", ())
    ]
    return "parity" not in not_made
