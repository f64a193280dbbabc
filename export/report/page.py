"""The manifest as one page for a browser: nothing outside it is loaded, every word from outside is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any


def page(manifest: Mapping[str, Any]) -> str:
    """Return report.html."""
    return f"<!doctype html><title>{escape(manifest['name'])}</title>"
