"""The files that a job reads, on their way to the nodes of a cluster: through the store, each content once."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from export.recipe import Recipe
from export.sweep.keys import CONTENTS, content_digest, files_of
from export.sweep.store import Store
from zoo.errors import UsageProblemError
from zoo.weights.sources import cache_folder

MARK = "in-the-store:"  # in place of a path: the key of its content and its name
FOLDER = "inputs"  # of the cache on a node


def sent(recipe: Recipe, store: Store) -> Recipe:
    """Put the files that a recipe names into the store, and return a recipe that names them there.

    Raises:
        UsageProblemError: a table lists files outside of its folder.
        OutsideError: the store cannot be written.
    """
    return _with_paths(recipe, lambda text: _sent(text, store))


def received(recipe: Recipe, store: Store) -> Recipe:
    """Fetch the files that a recipe names in the store, and return a recipe that names them on this machine.

    Raises:
        OutsideError: the store cannot be read.
    """
    return _with_paths(recipe, lambda text: _received(text, store) if text.startswith(MARK) else text)


def _with_paths(recipe: Recipe, change: Callable[[str], str]) -> Recipe:
    named = {name: getattr(recipe, name) for name in ("model", *CONTENTS)}
    changed: dict[str, Any] = {name: change(text) for name, text in named.items() if isinstance(text, str)}
    return replace(recipe, **changed, imports=tuple(map(change, recipe.imports)))


def _sent(text: str, store: Store) -> str:
    path = Path(text).expanduser()
    if not path.exists():
        return text  # a name
    key = hashlib.sha256(f"input {content_digest(path)} {path.name}".encode()).hexdigest()
    if store.find(key) is None:
        begin = f"{path.name}/" if path.is_dir() else ""
        files = {f"{begin}{name or path.name}": file for name, file in files_of(path)}
        if outside := [name for name in files if name.startswith("/") or ".." in name.split("/")]:
            raise UsageProblemError(
                f"{path} lists {outside[0]}, which a cluster cannot reach; list files below the folder of the table"
            )
        store.put(key, {"input": path.name}, files)
    return f"{MARK}{key}/{path.name}"


def _received(text: str, store: Store) -> str:
    """Return the path of a file of the store on this machine, where it is kept for the next job."""
    key, _, name = text.removeprefix(MARK).partition("/")
    folder = cache_folder() / FOLDER / key
    record = store.find(key)
    if not folder.is_dir() and record is not None:
        new = folder.with_name(f".{key}.{secrets.token_hex(4)}")
        try:
            store.fetch(record, new)
            with suppress(OSError):  # another job was faster
                new.rename(folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return str(folder / name)
