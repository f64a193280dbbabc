"""Where an export goes: into a hidden folder first, then all at once; killed in between, the old files are whole."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.bundle.write import GOLDEN, KIND, LABELS, MANIFEST, REPORT
from zoo.errors import OutsideError, UsageProblemError

PARTIAL = ".partial"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@dataclass(frozen=True)
class Destination:
    """The folder `<out>/<name>` that one export owns."""

    out: Path
    name: str

    @property
    def folder(self) -> Path:
        """Where the files end up."""
        return self.out / self.name

    def check(self) -> None:
        """Refuse a place that cannot be written or that holds someone else's files, before any work.

        Raises:
            UsageProblemError: see above.
        """
        if self.folder.is_symlink() or (self.folder.exists() and not self.folder.is_dir()):
            raise UsageProblemError(f"{self.folder} is a file or a link; choose another folder with --out")
        if self.folder.is_dir() and any(self.folder.iterdir()) and _record(self.folder) is None:
            raise UsageProblemError(
                f"{self.folder} holds files that are not an export's; choose another folder with --out"
            )
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.out).close()
        except OSError as error:
            if error.errno in FULL:
                raise OutsideError(f"cannot write to {self.out} ({error.strerror}); free some space") from error
            raise UsageProblemError(
                f"cannot write to {self.out} ({error.strerror}); choose another folder with --out"
            ) from error

    def lost(self, names: Collection[str]) -> tuple[str, ...]:
        """Return the model files of the export that is there now which go when one with the files `names` comes."""
        record = _record(self.folder) or {"files": []}
        before = (str(file["file"]) for file in record["files"])
        return tuple(name for name in before if name not in names and (self.folder / name).exists())

    @contextmanager
    def replaced(self) -> Iterator[Path]:
        """Give a new folder that takes the place of the old one when all went well, in one step.

        The folder is locked while its process lives: what is not locked is debris of a killed run.

        Raises:
            OutsideError: the disk is full or fails; the old folder is as it was.
        """
        new = self.out / f".{self.name}.{secrets.token_hex(4)}{PARTIAL}"
        with ExitStack() as locks:
            try:
                with _lock(self.out):
                    self._sweep()
                    new.mkdir()
                    locks.enter_context(_lock(new))
                yield new
                with _lock(self.out):
                    self._keep_strangers(new)
                    _exchange(new, self.folder)
            except OSError as error:
                raise OutsideError(
                    f"cannot write the files to {self.out} ({error.strerror or error}); what was there is untouched"
                ) from error
            finally:
                shutil.rmtree(new, ignore_errors=True)

    def _sweep(self) -> None:
        """Remove what killed runs left behind."""
        for debris in self.out.glob(f".{self.name}.*{PARTIAL}"):
            # It may be alive (locked), or gone by now: another export sweeps too, or has just ended.
            with suppress(BlockingIOError, FileNotFoundError), _lock(debris, fcntl.LOCK_NB):
                shutil.rmtree(debris, ignore_errors=True)

    def _keep_strangers(self, new: Path) -> None:
        """Carry over what a user put beside our files."""
        record = _record(self.folder)
        if record is None:
            return
        ours = {MANIFEST, GOLDEN, LABELS, REPORT, *(file["file"] for file in record["files"])}
        others: dict[str, str] = record.get("companions", {})
        for entry in self.folder.iterdir():
            # A companion that was changed since is somebody's work, unless the new export writes one of that name.
            if entry.name in ours or (new / entry.name).exists() or _is(entry, others.get(entry.name)):
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.copytree(entry, new / entry.name, symlinks=True)
            else:
                shutil.copy2(entry, new / entry.name, follow_symlinks=False)


def _is(path: Path, sha256: str | None) -> bool:
    """Whether a file has that digest."""
    return sha256 is not None and path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _record(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of the export in `folder`, of any version; None if there is none, or another program's."""
    try:
        record = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ours = isinstance(record, dict) and str(record.get("schema")).startswith(f"{KIND} ")
    return record if ours else None


@contextmanager
def _lock(folder: Path, flags: int = 0) -> Iterator[None]:
    """Hold the folder's lock, which ends with this process however it ends.

    Raises:
        BlockingIOError: another process holds it, and `flags` says not to wait.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | flags)
        yield
    finally:
        os.close(descriptor)


def _exchange(new: Path, old: Path) -> None:
    """Put `new` in the place of `old` in one step: at no moment is there none."""
    if not old.exists():
        new.rename(old)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2"):
        if libc.renameat2(_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(old), _RENAME_EXCHANGE) == 0:
            return
        number = ctypes.get_errno()
        if number not in (errno.EINVAL, errno.ENOSYS):
            raise OSError(number, os.strerror(number))
    # Not Linux, or a file system that cannot do it: two steps, and a moment between them.
    previous = new.with_suffix(".previous")
    old.rename(previous)
    new.rename(old)
    previous.rename(new)
