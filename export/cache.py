"""Results of slow steps that an export with the same model and samples need not compute again, kept on disk.

The name of a result is a digest of all that it depends on: the arguments, the code of this project and the versions of
the libraries. The proof is never kept: every file is run and compared again.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import platform
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import zoo
from export.recipe import Recipe
from zoo.weights.sources import cache_folder

FOLDER = "results"
NAME = re.compile(r"[0-9a-f]{64}")
MOST_BYTES = 4_000_000_000  # of all results; those that were not used for longest are removed
LARGEST_BYTES = 400_000_000  # of one
DIGEST_BYTES = 32
TOOL = "zoo-export"
CARRIERS = ("fsspec", "ray")  # libraries that carry results and compute none
CODE = ("zoo", "calibration", "export", "training")

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Cache:
    """Results by name.

    Attributes:
        folder: holds them; None keeps nothing.
        is_read: whether results are read, and not only kept.
    """

    folder: Path | None
    is_read: bool = True

    def content(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return the result of that name; if there is none, that of `make`, which is then kept.

        A result that cannot be written, for want of space or rights, is only not kept.
        """
        if self.folder is None or not name:
            return make()
        path = self.folder / name[:2] / name
        if self.is_read and (found := _read(path)) is not None:
            return found
        made = make()
        if len(made) <= LARGEST_BYTES:
            with contextlib.suppress(OSError):
                _write(path, made)
                _remove_oldest(self.folder, MOST_BYTES)
        return made

    def record(self, name: str, make: Callable[[], Any]) -> Any:
        """Return plain data as `content` does."""
        return json.loads(self.content(name, lambda: json.dumps(make()).encode()))

    def arrays(self, name: str, make: Callable[[], Arrays]) -> dict[str, NDArray[Any]]:
        """Return arrays by name as `content` does."""
        with np.load(io.BytesIO(self.content(name, lambda: _packed(make()))), allow_pickle=False) as found:
            return {key: found[key] for key in found.files}


NO_CACHE = Cache(folder=None)


def at_home(*, used: bool = True) -> Cache:
    """Return the user's cache, or one that keeps nothing; the environment's ZOO_EXPORT_NO_CACHE=1 forbids it, too."""
    forbidden = os.environ.get("ZOO_EXPORT_NO_CACHE", "") not in ("", "0")
    return Cache(folder=cache_folder() / FOLDER) if used and not forbidden else NO_CACHE


def may_be_used(recipe: Recipe) -> bool:
    """Return whether a recipe's model is a network of the zoo or a model file that runs no Python code of the user's.

    A SavedModel folder holds functions that no digest of layers names.
    """
    is_whole_file = Path(recipe.model).suffix.lower() in (".keras", ".h5", ".hdf5")
    runs_code = bool(recipe.imports) or recipe.unsafe_lambda
    return recipe.use_cache and not runs_code and (recipe.model in zoo.names() or is_whole_file)


def name_of(step: str, *parts: str | bytes | None) -> str:
    """Return the name of a result: a digest of the step, its arguments, the code and the libraries.

    It is empty, and nothing is kept, if a part is None: an argument that has no digest.
    """
    digest = hashlib.sha256()
    for part in (step, surroundings(), *parts):
        if part is None:
            return ""
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "little") + content)
    return digest.hexdigest()


@cache
def surroundings() -> bytes | None:
    """Return a digest of the code of this project, of the libraries and of the kind of machine.

    It is None if this project is not installed, so that its libraries are not known.
    """
    from importlib.metadata import PackageNotFoundError, requires, version

    digest = hashlib.sha256(f"{platform.python_version()} {platform.machine()}".encode())
    try:
        requirements = requires(TOOL) or []
    except PackageNotFoundError:
        return None
    for library in sorted({re.split(r"[^\w.-]", requirement)[0] for requirement in requirements} - {*CARRIERS}):
        with contextlib.suppress(PackageNotFoundError):
            digest.update(f"{library} {version(library)}\n".encode())
    root = Path(__file__).parents[1]
    for path in sorted(path for package in CODE for path in (root / package).rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return digest.digest()


def _packed(arrays: Arrays) -> bytes:
    packed = io.BytesIO()
    stored: dict[str, Any] = dict(arrays)
    np.savez(packed, **stored)
    return packed.getvalue()


def _read(path: Path) -> bytes | None:
    """Return a result; None if it is missing or damaged, and then it is removed."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, result = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
    with contextlib.suppress(OSError):
        if hashlib.sha256(result).digest() == digest:
            os.utime(path)
            return result
        path.unlink()
    return None


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as file:
        new = Path(file.name)
        try:
            file.write(hashlib.sha256(content).digest() + content)
            file.close()
            new.replace(path)
        except OSError:
            new.unlink(missing_ok=True)
            raise


def files(folder: Path) -> Iterator[Path]:
    """Yield the results in a folder, and nothing else that lies there."""
    if folder.is_symlink() or not folder.is_dir():
        return
    for path in folder.glob("*/*"):
        is_ours = NAME.fullmatch(path.name) is not None and path.parent.name == path.name[:2]
        if is_ours and not path.is_symlink() and not path.parent.is_symlink() and path.is_file():
            yield path


def _remove_oldest(folder: Path, most_bytes: int) -> None:
    found = [(path.stat(), path) for path in files(folder)]
    files_by_age = sorted((stat.st_mtime, stat.st_size, path) for stat, path in found)
    excess = sum(size for _, size, _ in files_by_age) - most_bytes
    for _, size, path in files_by_age:
        if excess <= 0:
            return
        path.unlink(missing_ok=True)
        excess -= size
