"""Job: find the types in which a file stores its numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from export.formats import format_of


def number_types(path: str) -> dict[str, Any]:
    """Return the types of the weights and of the quantized activations of a file, sorted."""
    found = format_of(Path(path)).number_types(Path(path).read_bytes())
    return {"weights": sorted(found.weights), "activations": sorted(found.activations)}
