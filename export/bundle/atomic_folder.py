"""Write the folder of an export atomically: a killed export leaves the previous files intact.

An export writes into a hidden folder, which replaces the old folder in one step at the end.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
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

from export.bundle.write import GOLDEN, KIND, LABELS, MANIFEST, REPORT, SIGNATURE
from export.runtime.file_content import digest
from export.temporary import no_empty_folders
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
        """The folder that receives the files."""
        return self.out / self.name

    def check(self) -> None:
        """Check that the folder can be written and holds no foreign files, before any work.

        Raises:
            UsageProblemError: the folder is not writable, or holds files that no export wrote.
            OutsideError: the disk is full.
        """
        if self.folder.is_symlink() or (self.folder.exists() and not self.folder.is_dir()):
            raise UsageProblemError(f"{self.folder} is a file or a link; choose another folder with --out")
        if self.folder.is_dir() and any(self.folder.iterdir()) and _record(self.folder) is None:
            raise UsageProblemError(f"{self.folder} holds files that no export wrote; choose another folder with --out")
        # An export that fails leaves no empty folder behind, so the nearest existing folder is tried.
        nearest = next(folder for folder in (self.out, *self.out.absolute().parents) if folder.exists())
        try:
            tempfile.TemporaryFile(dir=nearest).close()
        except OSError as error:
            if error.errno in FULL:
                raise OutsideError(f"cannot write to {self.out} ({error.strerror}); free some space") from error
            raise UsageProblemError(
                f"cannot write to {self.out} ({error.strerror}); choose another folder with --out"
            ) from error

    def lost(self, names: Collection[str]) -> tuple[str, ...]:
        """Return the model files of the present export that an export of the files `names` would remove."""
        record = _record(self.folder) or {"files": []}
        before = (str(file["file"]) for file in record["files"])
        return tuple(name for name in before if name not in names and (self.folder / name).exists())

    @contextmanager
    def replaced(self) -> Iterator[Path]:
        """Yield a new folder, which replaces the old one in one step if the block succeeds.

        The new folder is locked while its process lives; an unlocked one was left behind by a killed run.

        Raises:
            OutsideError: the disk is full or fails; the old folder is unchanged.
        """
        new = self.out / f".{self.name}.{secrets.token_hex(4)}{PARTIAL}"
        with no_empty_folders(self.out), ExitStack() as locks:
            try:
                self.out.mkdir(parents=True, exist_ok=True)
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
                    f"cannot write the files to {self.out} ({error.strerror or error}); existing files are unchanged"
                ) from error
            finally:
                shutil.rmtree(new, ignore_errors=True)

    def _sweep(self) -> None:
        """Remove the folders that killed runs left behind."""
        for debris in self.out.glob(f".{self.name}.*{PARTIAL}"):
            # The folder may be in use (locked), or already removed by another export.
            with suppress(BlockingIOError, FileNotFoundError), _lock(debris, fcntl.LOCK_NB):
                shutil.rmtree(debris, ignore_errors=True)

    def _keep_strangers(self, new: Path) -> None:
        """Copy the user's own files from the old folder into the new one."""
        record = _record(self.folder)
        if record is None:
            return
        of_files = (name for file in record["files"] for name in (file["file"], *file.get("data", {})))
        ours = {MANIFEST, GOLDEN, LABELS, REPORT, SIGNATURE, *of_files}
        others: dict[str, str] = record.get("companions", {})
        for entry in self.folder.iterdir():
            # A companion that was changed since the export is the user's, unless the new export writes it too.
            if entry.name in ours or (new / entry.name).exists() or _is(entry, others.get(entry.name)):
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.copytree(entry, new / entry.name, symlinks=True)
            else:
                shutil.copy2(entry, new / entry.name, follow_symlinks=False)


def _is(path: Path, sha256: str | None) -> bool:
    """Return whether a file has the digest `sha256`."""
    return sha256 is not None and path.is_file() and digest(path) == sha256


def _record(folder: Path) -> dict[str, Any] | None:
    """Return the manifest in `folder`, of any version; None if there is none or if another program wrote it."""
    try:
        record = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ours = isinstance(record, dict) and str(record.get("schema")).startswith(f"{KIND} ")
    return record if ours else None


@contextmanager
def _lock(folder: Path, flags: int = 0) -> Iterator[None]:
    """Hold the lock of a folder, which the system releases when this process ends.

    Raises:
        BlockingIOError: another process holds the lock, and `flags` contains LOCK_NB.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | flags)
        yield
    finally:
        os.close(descriptor)


def _exchange(new: Path, old: Path) -> None:
    """Replace `old` by `new` in one step, so that the folder exists at every moment."""
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
    # Not Linux, or an unsupported file system: replace the folder in two steps, which is not atomic.
    previous = new.with_suffix(".previous")
    old.rename(previous)
    new.rename(old)
    previous.rename(new)
