"""The files with weights beside a model file, wherever that comes from."""

from __future__ import annotations

from pathlib import Path

from export.errors import ConversionError
from export.formats import format_of
from export.runtime.file_content import digest


def size_bytes(path: Path) -> int:
    """Return the size of a model file and its data, as far as they are there."""
    if not path.is_file():
        return 0
    try:
        paths = (path, *_found(path).values())
    except ConversionError:  # its runtime says what is wrong with it
        paths = (path,)
    return sum(one.stat().st_size for one in paths)


def digests(path: Path) -> dict[str, str]:
    """Return the digests of the data that the model file at `path` refers to, by place, as far as it is there.

    Raises:
        ConversionError: the model file is damaged.
    """
    return {place: digest(one) for place, one in _found(path).items()}


def _found(path: Path) -> dict[str, Path]:
    paths = {place: path.parent / place for place in format_of(path).data_files(path)}
    return {place: one for place, one in paths.items() if one.is_file()}
