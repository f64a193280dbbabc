"""Temporary folders: named by their process, so that the next run can remove those that a killed run left."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zoo.errors import OutsideError

PREFIX = "zoo-export-"
OLD_SECONDS = 24 * 3600
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SHORT_WRITE = "requested and"  # numpy: "4096 requested and 100 written", without the number of an error

# Processes of other containers that share the folder for temporary files are not visible, so age decides as well.
_NAME = re.compile(re.escape(PREFIX) + r"(\d+)-")


class FullDiskError(OutsideError):
    """Temporary files cannot be written; nothing is wrong with the file that was read."""


def folder(*, ignore_cleanup_errors: bool = False) -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder that names this process.

    Raises:
        FullDiskError: no folder for temporary files can be written.
    """
    prefix = f"{PREFIX}{os.getpid()}-"
    with writing():
        return tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=ignore_cleanup_errors)


@contextmanager
def writing() -> Iterator[None]:
    """Report a failure to write temporary files in one sentence.

    Raises:
        FullDiskError: the disk of temporary files is full or cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise _failure(error) from error


@contextmanager
def no_empty_folders(folder: Path) -> Iterator[None]:
    """Remove the folders that a block made on the way to `folder` and left empty, however it ends."""
    missing = [one for one in (folder.absolute(), *folder.absolute().parents) if not one.exists()]
    try:
        yield
    finally:
        with suppress(OSError):  # a folder that holds files stays, and so do those around it
            for one in missing:
                one.rmdir()


def is_full(error: Exception) -> bool:
    """Return whether a full disk is the cause: native libraries have their own error classes, but the system's text."""
    text = str(error)
    return any(os.strerror(number) in text for number in FULL) or (isinstance(error, OSError) and _SHORT_WRITE in text)


def full_sentence() -> str:
    """Return the sentence about a full disk of temporary files."""
    return f"the disk of temporary files is full ({_root()}); free some space, or set TMPDIR"


def check_room(size: int) -> None:
    """Check that `size` more bytes can be written, for libraries that do not say why they could not write a file.

    Raises:
        FullDiskError: they cannot.
    """
    with writing(), tempfile.TemporaryFile(buffering=0) as file:
        while size > 0:
            size -= file.write(bytes(min(size, 1 << 20)))


def _failure(error: OSError) -> FullDiskError:
    if is_full(error):
        return FullDiskError(full_sentence())
    return FullDiskError(
        f"cannot write temporary files to {_root()} ({error.strerror or error}); set TMPDIR to a folder"
    )


def _root() -> str:
    """Return the folder for temporary files, or what was requested where none can be written."""
    try:
        return tempfile.gettempdir()
    except OSError:
        return os.environ.get("TMPDIR") or "/tmp"


def sweep(root: Path | None = None, now: float | None = None) -> tuple[Path, ...]:
    """Remove folders that processes of this user left a day ago or earlier, and return them.

    Args:
        root: the folder for temporary files, by default the system's.
        now: the time, by default the present.
    """
    removed = []
    for path in (root or Path(tempfile.gettempdir())).glob(f"{PREFIX}*-*"):
        match = _NAME.match(path.name)
        if match and _is_left(path, int(match.group(1)), time.time() if now is None else now):
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path)
    return tuple(removed)


def _is_left(path: Path, process: int, now: float) -> bool:
    try:
        facts = path.lstat()
    except OSError:
        return False
    is_own = not hasattr(os, "getuid") or facts.st_uid == os.getuid()
    is_old = now - facts.st_mtime > OLD_SECONDS
    return is_own and is_old and path.is_dir() and not path.is_symlink() and not _is_alive(process)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it belongs to somebody else
        return True
    return True
