"""The page that runs a model in the browser: its sources, and the libraries that it loads."""

from __future__ import annotations

from importlib import resources


def sources() -> dict[str, bytes]:
    """Return the files of the page by name."""
    page = resources.files(__name__).joinpath("page")
    return {one.name: one.read_bytes() for one in sorted(page.iterdir(), key=lambda one: one.name)}
