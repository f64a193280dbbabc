"""Pictures inside of the page, as data URIs: the page loads nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import PurePath

TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg"}


def data_uri(name: str | None, files: Mapping[str, bytes]) -> str:
    """Return a picture as a data URI; empty if there is no such file or it is no picture."""
    kind = TYPES.get(PurePath(name or "").suffix)
    if name is None or kind is None or name not in files:
        return ""
    return f"data:{kind};base64,{base64.b64encode(files[name]).decode()}"
