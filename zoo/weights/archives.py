"""Extract named files from an untrusted archive."""

from __future__ import annotations

import posixpath
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

_LARGEST_MEMBER_BYTES = 1 << 30  # stops an archive that would fill the disk


class BadArchiveError(Exception):
    """The archive is damaged, hostile, or lacks a file."""


def take(archive: Path, members: Sequence[str], folder: Path) -> list[Path]:
    """Copy `members` of a .tgz, .zip or .whl into `folder`, flat; return the copies in that order.

    Raises:
        BadArchiveError: a name points outside the archive, a member is a link, too large or missing, or the archive is
            damaged.
    """
    copies = {posixpath.normpath(member): folder / posixpath.basename(member) for member in members}
    missing = set(copies)
    try:
        for name, size, content in _regular_files(archive):
            if name not in missing or content is None:
                continue
            if size > _LARGEST_MEMBER_BYTES:
                raise BadArchiveError(f"{name} in {archive.name} is too large ({size} bytes)")
            with content, copies[name].open("wb") as copy:
                shutil.copyfileobj(content, copy)
            missing.remove(name)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise BadArchiveError(f"{archive.name} is damaged: {error}") from error
    if missing:
        raise BadArchiveError(f"{archive.name} holds no regular file {sorted(missing)[0]}")
    return list(copies.values())


def _regular_files(archive: Path) -> Iterator[tuple[str, int, IO[bytes] | None]]:
    """Yield (name, size in bytes, content) of every regular file; links and devices are passed over."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for entry in zipped.infolist():
                # The upper half of the attributes is the Unix mode; 0o120000 marks a link.
                if not entry.is_dir() and entry.external_attr >> 28 != 0o12:
                    yield _checked(entry.filename, archive), entry.file_size, zipped.open(entry)
    else:
        with tarfile.open(archive, "r|*") as tarred:
            for member in tarred:
                name = _checked(member.name, archive)
                if member.isreg():
                    yield name, member.size, tarred.extractfile(member)


def _checked(name: str, archive: Path) -> str:
    """Return the plain form of a name that stays inside the archive."""
    plain = posixpath.normpath(name.replace("\\", "/"))
    if plain.startswith(("/", "..")) or ":" in plain.partition("/")[0]:
        raise BadArchiveError(f"{archive.name} is hostile: the name {name!r} climbs out of it")
    return plain
