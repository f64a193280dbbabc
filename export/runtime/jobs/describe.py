"""Job: describe a file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from export.errors import ConversionError
from export.formats import Format, format_of
from export.formats.session import Session


def describe(path: str) -> dict[str, Any]:
    """Return the format, inputs, outputs and operators of a file."""
    file_format = format_of(Path(path))
    session = file_format.open(Path(path))
    return {
        "format": file_format.name,
        **specs(session),
        "metadata": _metadata(file_format, Path(path)),
        "census": [asdict(op) for op in file_format.census(Path(path))],
        "requirements": asdict(file_format.requirements(Path(path))),
        "microcontroller": _footprint(file_format, Path(path)),
    }


def _footprint(file_format: Format, path: Path) -> dict[str, Any] | None:
    """Return what a microcontroller needs for a file; None if none runs it."""
    try:
        found = file_format.footprint(path.read_bytes())
    except ConversionError:
        return None
    return {"arena_bytes": found.given_bytes, **asdict(found)}


def _metadata(file_format: Format, path: Path) -> dict[str, Any]:
    """Return what a file says about itself, or why that cannot be read, which does not keep the file from running."""
    try:
        return dict(file_format.metadata(path))
    except ConversionError as error:
        return {"trouble": str(error)}


def specs(session: Session) -> dict[str, Any]:
    """Return inputs and outputs as plain data."""
    return {
        "inputs": [asdict(spec) for spec in session.inputs],
        "outputs": [asdict(spec) for spec in session.outputs],
    }
