"""Write the files of a target with their checksums as a folder or a .zip, and replace only what was written so."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from export.bundle.deploy.target import Files
from zoo.errors import UsageProblemError

CHECKSUMS, ZIP = "SHA256SUMS", ".zip"
# Begins the list of checksums, so that folders of the user's with such a list are not taken for packed ones.
MARK = "# packed by zoo-export\n"
MAX_CHECKSUMS_BYTES = 10_000_000
# Running the scripts of a folder there leaves such folders behind.
COMPILED = "__pycache__"
# Zip archives of equal files are equal: no time of writing, and the same rights everywhere.
NO_TIME, RIGHTS = (1980, 1, 1, 0, 0, 0), 0o100644


def check_place(path: Path) -> None:
    """Check that nothing is lost when a folder or .zip is replaced.

    Raises:
        UsageProblemError: it holds files that were not packed, or were changed since.
    """
    if not is_replaceable(path):
        raise UsageProblemError(
            f"{path} holds files that were not packed here, or were changed since; choose another folder with --out"
        )


def is_replaceable(path: Path) -> bool:
    """Return whether a place is free, or holds a folder or .zip of nothing but what was packed."""
    if not path.exists() and not path.is_symlink():
        return True
    return not path.is_symlink() and (_is_packed_zip(path) if path.suffix == ZIP else _is_packed(path))


def write(path: Path, name: str, files: Files) -> dict[str, int]:
    """Write files beside `path`, then put them in its place; return the size of each.

    Args:
        path: the folder; or the .zip, which then contains a folder.
        name: of that folder.
        files: path in the folder -> content, or a file to copy.

    Raises:
        OSError: they cannot be written; `path` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=path.parent))
    try:
        new = work / name
        sizes = _write_folder(new, files)
        if path.suffix == ZIP:
            new = _zipped(new, sizes, work / path.name)
        elif path.exists():
            shutil.rmtree(path)
        new.replace(path)
        return sizes
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _write_folder(folder: Path, files: Files) -> dict[str, int]:
    folder.mkdir()
    for name, content in files.items():
        path = folder / PurePosixPath(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            shutil.copyfile(content, path)
    lines = [f"{_sha256(folder / name)}  {name}\n" for name in sorted(files)]
    (folder / CHECKSUMS).write_text(MARK + "".join(lines), encoding="utf-8")
    return {name: (folder / name).stat().st_size for name in (*files, CHECKSUMS)}


def _zipped(folder: Path, names: Iterator[str] | Mapping[str, int], path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(names):
            member = zipfile.ZipInfo(f"{folder.name}/{name}", NO_TIME)
            member.compress_type, member.external_attr = zipfile.ZIP_DEFLATED, RIGHTS << 16
            with (folder / name).open("rb") as source, archive.open(member, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target)
    return path


def _is_packed(folder: Path) -> bool:
    """Return whether every entry of a folder is a file that was packed there, or a folder of such files."""
    if not folder.is_dir():
        return False
    path = folder / CHECKSUMS
    known = _listed(path.read_bytes()) if path.is_file() else {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if COMPILED in path.relative_to(folder).parts:
            continue
        if path.is_dir() and not path.is_symlink() and any(other.startswith(f"{name}/") for other in known):
            continue
        if name != CHECKSUMS and (path.is_symlink() or not path.is_file() or known.get(name) != _sha256(path)):
            return False
    return True


def _is_packed_zip(path: Path) -> bool:
    """Return whether every member of an archive is a file that was packed there."""
    if not path.is_file() or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        (folder, *others) = {member.filename.partition("/")[0] for member in archive.infolist()} or {""}
        sums = next((one for one in archive.infolist() if one.filename == f"{folder}/{CHECKSUMS}"), None)
        if others or sums is None or sums.file_size > MAX_CHECKSUMS_BYTES:
            return False
        known = _listed(archive.read(sums))
        for member in archive.infolist():
            if member is not sums:
                with archive.open(member) as file:
                    if known.get(member.filename.partition("/")[2]) != _digest(file):
                        return False
    return True


def _listed(checksums: bytes) -> dict[str, str]:
    """Return the digests in a list of checksums, by name; none of a list that was not written here."""
    if not checksums.startswith(MARK.encode()):
        return {}
    lines = checksums.decode(errors="replace").splitlines()[1:]
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return _digest(file)


def _digest(file: IO[bytes]) -> str:
    found = hashlib.sha256()
    while chunk := file.read(1 << 20):
        found.update(chunk)
    return found.hexdigest()
