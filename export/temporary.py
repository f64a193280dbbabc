"""Temporary folders: named by their process, so that the next run can remove those that a killed run left."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from pathlib import Path

PREFIX = "zoo-export-"
OLD_SECONDS = 24 * 3600

# Processes of other containers that share the folder for temporary files are not visible, so age decides as well.
_NAME = re.compile(re.escape(PREFIX) + r"(\d+)-")


def folder(*, ignore_cleanup_errors: bool = False) -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder that names this process."""
    prefix = f"{PREFIX}{os.getpid()}-"
    return tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=ignore_cleanup_errors)


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
