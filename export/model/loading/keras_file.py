"""Load a .keras file in safe mode; a file that cannot be loaded is refused with one sentence."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from export.model.loading import untrusted
from export.model.loading.concrete_call import needs_call
from export.model.loading.functional_form import functional_form
from export.model.loading.keras2 import load as keras2
from export.model.loading.load_failure import load_errors, load_failure
from zoo.errors import UsageProblemError
from zoo.language import stored_layers
from zoo.weights.patches import blank_weights

if TYPE_CHECKING:
    import keras


def load(path: Path) -> keras.Model:
    """Return the Keras 3 model of a .keras file, functional or Sequential, as `read` and `functional_form`.

    Raises:
        UsageProblemError: as these; or the model has no graph.
    """
    model = read(path)[0]
    if needs_call(model):
        raise UsageProblemError(f"{path.name} holds a {type(model).__name__} without a graph; save a functional model")
    return functional_form(path, model)


def read(path: Path, *, unsafe_lambda: bool = False) -> tuple[keras.Model, tuple[str, ...]]:
    """Return the model of a .keras file as it is stored, and notes about how it was read.

    Keras loads it in safe mode, except with `unsafe_lambda`, which runs the code of its Lambda layers.

    Raises:
        UsageProblemError: the file is missing or damaged, has entries outside its folder, or contains Python code or a
            custom layer.
    """
    check_archive(path)
    if _version(path).startswith("2"):
        try:
            with zipfile.ZipFile(path) as archive:
                config = json.loads(archive.read("config.json"))
            untrusted.check_config(path, config, unsafe_lambda=unsafe_lambda)
        except (ValueError, KeyError, RecursionError) as error:
            raise UsageProblemError(load_failure(path, error)) from error
        return keras2.load(path, config, unsafe_lambda=unsafe_lambda)
    import keras

    stored_layers.register()
    try:
        with blank_weights():
            return keras.saving.load_model(path, compile=False, safe_mode=not unsafe_lambda), ()
    except load_errors() as error:
        raise UsageProblemError(load_failure(path, error)) from error


def training_loss(path: Path) -> Any:
    """Return the `loss` that the model of the file was compiled with, as stored; None if it was not compiled."""
    with zipfile.ZipFile(path) as archive:
        return (json.loads(archive.read("config.json")).get("compile_config") or {}).get("loss")


def _version(path: Path) -> str:
    """Return the version of Keras that wrote the file; empty if the file does not say it."""
    with zipfile.ZipFile(path) as archive:
        if "metadata.json" not in archive.namelist():
            return ""
        try:
            return str(json.loads(archive.read("metadata.json")).get("keras_version", ""))
        except (ValueError, AttributeError, RecursionError):
            return ""


def check_archive(path: Path, *, checksums: bool = True) -> None:
    """Check that a file is a whole zip archive, whose entries stay in its folder.

    Args:
        path: the file.
        checksums: compare the content of every entry with its checksum, which reads the whole file.

    Raises:
        UsageProblemError: the file is missing or damaged, or has entries outside its folder.
    """
    if not path.exists():
        raise UsageProblemError(f"there is no file {str(path)!r}; give a .keras file or a name from `zoo list`")
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                parts = PurePosixPath(name.replace("\\", "/"))
                if parts.is_absolute() or ".." in parts.parts:
                    raise UsageProblemError(
                        f"{path.name} is refused: its entry {name!r} would be written outside the target folder"
                    )
            broken = archive.testzip() if checksums else None
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise UsageProblemError(
            f"{path.name} is damaged or truncated ({error}); save or copy the file again"
        ) from error
    if broken is not None:
        raise UsageProblemError(f"{path.name} is damaged: its entry {broken} does not match its checksum")
