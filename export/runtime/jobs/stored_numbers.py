"""Job: find how a file stores its numbers, and whether its sibling stores the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from export.formats import format_of


def stored_numbers(path: str, siblings: Mapping[str, str]) -> dict[str, Any]:
    """Return the types of a file's weights and activations, and the distance of its constants from its siblings'.

    Args:
        path: path of the file.
        siblings: paths of the files of the same scheme that it was derived from, by format; without any, and where the
            layers cannot be matched, the distance is None.
    """
    file_format, content = format_of(Path(path)), Path(path).read_bytes()
    types = file_format.number_types(content)
    contents = {name: Path(sibling).read_bytes() for name, sibling in siblings.items()}
    report = file_format.storage(b"", content, contents) if contents else None
    return {
        "weights": sorted(types.weights),
        "has_many": types.has_many,
        "activations": sorted(types.activations),
        "distance": asdict(report) if report is not None else None,
    }
