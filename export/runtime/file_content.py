"""The content of a model file that an export made: in memory while it is small, otherwise on disk."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from export.formats.enclosure import Enclosure
from export.runtime.run_file import written

# Files of a language network have hundreds of megabytes each, and an export holds several at once.
MOST_IN_MEMORY_BYTES = 32_000_000
COPY_BYTES = 1 << 20
DATA_SUFFIX = ".data"  # behind the name of a file: the name of that with the weights that it cannot hold


@dataclass(frozen=True, kw_only=True)
class FileContent:
    """The content of a file, which is empty if the file could not be made.

    Attributes:
        size_bytes: its size, with that of its data.
        in_memory: the content itself; empty if it lies on disk.
        path: where it lies on disk; None if it is in memory.
        data: a second file beside it, with weights that it cannot hold; None without one.
    """

    size_bytes: int = 0
    in_memory: bytes = field(default=b"", repr=False)
    path: Path | None = None
    data: Path | None = None

    @classmethod
    def held(cls, content: bytes) -> Self:
        """Return content that stays in memory."""
        return cls(size_bytes=len(content), in_memory=content)

    @classmethod
    def of(cls, content: bytes, folder: Path, name: str, data: Path | None = None) -> Self:
        """Return content that is written below `folder`, as a file called `name`, if it is large.

        A file `data` that it refers to is moved to its side.
        """
        if data is not None:
            path = written(folder, name, content)
            beside = path.with_name(data.name)
            data.replace(beside)
            return cls(size_bytes=len(content) + beside.stat().st_size, path=path, data=beside)
        if len(content) <= MOST_IN_MEMORY_BYTES:
            return cls.held(content)
        return cls(size_bytes=len(content), path=written(folder, name, content))

    def __len__(self) -> int:
        return self.size_bytes

    def read(self) -> bytes:
        """Return the content, without that of its data."""
        return self.in_memory if self.path is None else self.path.read_bytes()

    def on_disk(self, folder: Path, name: str) -> Path:
        """Return the path of a file with this content; it is written below `folder` if it is not on disk yet."""
        return self.path or written(folder, name, self.in_memory)

    def copy(self, path: Path) -> tuple[Path, ...]:
        """Write the content to `path`, and its data beside it; return the paths of both."""
        if self.path is None:
            path.write_bytes(self.in_memory)
        else:
            shutil.copyfile(self.path, path)
        return (path,) if self.data is None else (path, _linked(self.data, path))

    def enclosed(self, enclosure: Enclosure, folder: Path, name: str) -> Self:
        """Return the content with bytes before and behind it; on disk, if this is, as a file `name` below `folder`."""
        if self.path is None:
            return type(self).of(b"".join((enclosure.before, self.in_memory, enclosure.behind)), folder, name)
        path = folder / f"{self.path.parent.name}-described" / name
        path.parent.mkdir(exist_ok=True)
        with self.path.open("rb") as source, path.open("wb") as file:
            file.write(enclosure.before)
            shutil.copyfileobj(source, file, COPY_BYTES)
            file.write(enclosure.behind)
        data = None if self.data is None else _linked(self.data, path)
        return replace(self, size_bytes=self.size_bytes + len(enclosure), path=path, data=data)

    def moved(self, path: Path) -> Self:
        """Return the content at the place where it was delivered; content in memory stays there."""
        if self.path is None:
            return self
        return replace(self, path=path, data=None if self.data is None else path.with_name(self.data.name))

    def sha256(self) -> str:
        """Return the digest of the content, without that of its data."""
        return hashlib.sha256(self.in_memory).hexdigest() if self.path is None else digest(self.path)

    def data_digests(self) -> dict[str, str]:
        """Return the digest of its data by the name of that file; nothing without any."""
        return {} if self.data is None else {self.data.name: digest(self.data)}


def _linked(data: Path, path: Path) -> Path:
    """Put a file of weights beside `path`, and return where it lies."""
    beside = path.with_name(data.name)
    if beside.exists() and beside.samefile(data):
        return beside
    try:
        os.link(data, beside)  # gigabytes
    except OSError:  # the folders lie on different disks, or the disk knows no links
        shutil.copyfile(data, beside)
    return beside


def digest(path: Path) -> str:
    """Return the sha256 of a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


NOTHING = FileContent()
