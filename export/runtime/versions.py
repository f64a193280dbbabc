"""Versions of installed tools and runtimes."""

from __future__ import annotations

from importlib import metadata


def version(distribution: str) -> str | None:
    """Return the installed version of a distribution; None if it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
