"""The versions of what makes and runs the files."""

from __future__ import annotations

from importlib import metadata


def version(distribution: str) -> str | None:
    """Return the installed version; None if there is none."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
