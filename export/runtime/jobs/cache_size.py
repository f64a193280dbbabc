"""Job: the sizes of a decoder's cache, from its file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from export.formats import format_of
from export.formats.session import TextDecoder
from export.progress import Progress
from zoo.errors import UsageProblemError


def cache_size(path: str, progress: Progress) -> dict[str, Any]:
    """Return the fields of `zoo.language.decoder.CacheSize` for the file of a decoder.

    Raises:
        UsageProblemError: the file is no decoder.
    """
    progress.step(f"read {Path(path).name}")
    session = format_of(Path(path)).open(Path(path), 1)
    if not isinstance(session, TextDecoder):
        raise UsageProblemError(f"{Path(path).name} continues no text: it has no cache of earlier tokens")
    return asdict(session.cache)
