"""The results of sweeps, by key, in a folder that fsspec can reach: a disk, s3://, gs://, memory://.

    STORE/results/<first two digits>/<key>/result.json          written last: with it, the result is there
                                          /<attempt>/...        the files that it names

Each attempt writes into a folder of its own, so that machines which make the same result at the same time do not
disturb each other, and a killed one leaves nothing but an attempt that no result names. It is removed a day later.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import OutsideError, UsageProblemError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

SCHEMA = "zoo-export sweep result 1"
RESULTS, MARKER = "results", "result.json"
OLD_SECONDS = 24 * 3600
ATTEMPT = re.compile(r"\d+-[0-9a-f]{8}")
OWN_MEMORY = ("memory",)  # kinds of stores that only the process that opened them sees

Record = Mapping[str, Any]


class Store:
    """Results by key. All methods may be called from any thread, process and machine at once."""

    def __init__(self, url: str) -> None:
        """Open a store, which need not exist.

        Raises:
            UsageProblemError: fsspec does not know this kind of URL, or lacks the package for it.
        """
        from fsspec.core import url_to_fs

        try:
            found: tuple[AbstractFileSystem, str] = url_to_fs(url)
        except (ValueError, ImportError) as error:
            words = str(error).rstrip(".")
            raise UsageProblemError(f"--store {url}: {words[:1].lower()}{words[1:]}") from error
        self.url = url
        self._files, self._root = found

    @property
    def folder(self) -> Path | None:
        """The folder on this machine; None if the store is elsewhere."""
        return Path(self._root) if "file" in _protocols(self._files) else None

    @property
    def is_shared(self) -> bool:
        """Whether other processes see the same results."""
        return not set(OWN_MEMORY) & set(_protocols(self._files))

    def find(self, key: str) -> Record | None:
        """Return the record of a result; None if there is none."""
        with self._reached():
            try:
                record = json.loads(self._files.cat_file(f"{self._folder(key)}/{MARKER}"))
            except (FileNotFoundError, ValueError):
                return None
        is_ours = isinstance(record, dict) and (record.get("schema"), record.get("key")) == (SCHEMA, key)
        # The attempt becomes a part of a path, and the store may be shared.
        return record if is_ours and ATTEMPT.fullmatch(str(record.get("attempt"))) else None

    def put(self, key: str, record: Record, files: Mapping[str, Path]) -> Record:
        """Keep a result, files by name with their record, and return the record as it is found from now on."""
        attempt = f"{int(time.time())}-{secrets.token_hex(4)}"
        with self._reached():
            for name, path in files.items():
                self._write(f"{self._folder(key)}/{attempt}/{name}", path)
            full = {**record, "schema": SCHEMA, "key": key, "attempt": attempt}
            # Written under another name first: a killed write leaves no half a result.
            new = f"{self._folder(key)}/.{attempt}"
            self._files.makedirs(self._folder(key), exist_ok=True)
            self._files.pipe_file(new, json.dumps(full).encode())
            self._files.mv(new, f"{self._folder(key)}/{MARKER}")
            self._remove_old(key, attempt)
        return full

    def read(self, record: Record, name: str) -> bytes:
        """Return the content of a file of a result."""
        with self._reached():
            content: bytes = self._files.cat_file(f"{self.place(record)}/{name}")
            return content

    def fetch(self, record: Record, folder: Path) -> None:
        """Copy the files of a result into a folder, which is created."""
        with self._reached():
            place = self.place(record)
            for path in self._files.find(place):
                target = folder / path[path.index(place) + len(place) + 1 :]
                target.parent.mkdir(parents=True, exist_ok=True)
                self._files.get_file(path, str(target))

    def place(self, record: Record) -> str:
        """Return the folder of a result's files, as the file system of the store names it."""
        return f"{self._folder(record['key'])}/{record['attempt']}"

    def address(self, record: Record) -> str:
        """Return the folder of a result's files as a path of this machine or a URL."""
        place = self.place(record)
        return place if self.folder is not None else str(self._files.unstrip_protocol(place))

    def _folder(self, key: str) -> str:
        return f"{self._root.rstrip('/')}/{RESULTS}/{key[:2]}/{key}"

    def _write(self, target: str, path: Path) -> None:
        self._files.makedirs(target.rpartition("/")[0], exist_ok=True)
        self._files.put_file(str(path), target)

    def _remove_old(self, key: str, kept: str) -> None:
        """Remove the attempts at a result that nothing names and that began a day ago or earlier."""
        for path in self._files.ls(self._folder(key), detail=False):
            name = path.rstrip("/").rpartition("/")[2]
            begun = name.lstrip(".").partition("-")[0]
            if name.lstrip(".") != kept and begun.isdigit() and time.time() - int(begun) > OLD_SECONDS:
                with suppress(FileNotFoundError):
                    self._files.rm(path, recursive=True)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutsideError(f"the store {self.url} cannot be used: {error.strerror or error}") from error


def inside(folder: Path) -> dict[str, Path]:
    """Return the files in a folder, by name."""
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


def _protocols(files: AbstractFileSystem) -> tuple[str, ...]:
    return (files.protocol,) if isinstance(files.protocol, str) else tuple(files.protocol)
