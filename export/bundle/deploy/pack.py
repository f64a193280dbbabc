"""Write the folder of a target: delivered files, what is needed beside them, checksums and instructions."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from export.bundle.deploy import packed_files
from export.bundle.deploy.target import Target
from export.bundle.read import Delivered, DeliveredFile
from export.progress import Progress
from export.temporary import FULL, no_empty_folders
from zoo.errors import OutsideError, UsageProblemError


@dataclass(frozen=True, kw_only=True)
class Packed:
    """The folder of a target.

    Attributes:
        path: of the folder, or of the .zip.
        sources: the delivered files in it.
        sizes: bytes of every file, by its path in the folder.
        notes: what the user must know.
    """

    path: Path
    sources: tuple[DeliveredFile, ...]
    sizes: Mapping[str, int]
    notes: tuple[str, ...] = ()


def default_place(folder: Path, target: Target) -> Path:
    """Return the folder of a target beside the folder of an export."""
    folder = folder.resolve()
    return folder.with_name(f"{folder.name}-{target.name}")


def place(folder: Path, *, zipped: bool) -> Path:
    """Return the folder, or the .zip that takes its place; a name that ends with .zip already is that of the .zip."""
    return folder.with_name(f"{_name(folder)}{packed_files.ZIP}") if zipped else folder


def _name(folder: Path) -> str:
    """Return the name of the folder, also in a .zip."""
    return folder.name.removesuffix(packed_files.ZIP)


def pack(
    delivered: Delivered,
    target: Target,
    precision: str | None,
    out: Path | None,
    progress: Progress,
    *,
    zipped: bool = False,
) -> Packed:
    """Write delivered files into a folder of their own, with all that the target needs.

    Args:
        delivered: the folder of an export.
        target: the device or runtime.
        precision: of the files; None lets the target choose.
        out: the new folder; None means `<folder>-<target>`.
        progress: is notified of every step.
        zipped: whether to write `<new folder>.zip` in place of the folder.

    Raises:
        UsageProblemError: the folder has no file for the target, or the new folder holds other files.
        CheckFailedError: a file differs from the exported one, or failed its proof.
        OutsideError: the folder cannot be written.
    """
    source_folder = delivered.folder.resolve()
    folder = out if out is not None else default_place(delivered.folder, target)
    if source_folder in (folder.resolve(), *folder.resolve().parents):
        raise UsageProblemError(f"{folder} lies in the folder of the export; choose another folder with --out")
    path = place(folder, zipped=zipped)
    packed_files.check_place(path)
    contents = target.contents(delivered, precision, _name(folder), progress)
    progress.step(f"write {path}")
    try:
        with no_empty_folders(path.parent):
            sizes = packed_files.write(path, _name(folder), contents.files)
    except OSError as error:
        elsewhere = (
            f"choose another folder: zoo pack {shlex.quote(str(delivered.folder))} --target {target.name} --out FOLDER"
        )
        hint = "free some space" if error.errno in FULL else elsewhere
        raise OutsideError(f"cannot write {path} ({error.strerror or error}); {hint}") from error
    return Packed(path=path, sources=contents.sources, sizes=sizes, notes=contents.notes)
