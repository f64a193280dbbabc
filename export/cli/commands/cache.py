"""`zoo cache`: show and clear what is kept on disk between commands."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import click

from export import cache
from export.cli.console import print_command, print_json, standard_output
from export.units import size_in_words
from zoo.errors import OutsideError
from zoo.weights.sources import cache_folder

RESULTS, DOWNLOADS, EMULATION, INPUTS, ALL = "results", "downloads", "emulation", "inputs", "all"
MEANINGS = {
    RESULTS: "steps of earlier exports, used again if nothing that they depend on changed",
    DOWNLOADS: "weights and libraries, checked by their digests",
    EMULATION: "emulated devices",
    INPUTS: "files of sweeps that a cluster ran on this machine",
}
# Downloads lie in folders that are named by a digest; emulated devices have one in their names.
DOWNLOAD, DEVICE = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}"), re.compile(r"[\w.-]+-[0-9a-f]{12}")


@click.command()
@click.option(
    "--clear",
    "what",
    type=click.Choice([*MEANINGS, ALL], case_sensitive=False),
    help="Remove one part of it, or all; it is made or fetched again when it is needed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def command(what: str | None, as_json: bool) -> None:
    """Show what is kept on disk between commands, or clear it.

    The folder is $ZOO_EXPORT_CACHE, or ~/.cache/zoo-export. ZOO_EXPORT_NO_CACHE=1 is --no-cache of every export.
    """
    root = cache_folder()
    sizes = {part: sum(map(_size_bytes, _paths(root, part))) for part in MEANINGS}
    cleared = [part for part in MEANINGS if what in (part, ALL)]
    for path in [path for part in cleared for path in _paths(root, part)]:
        _remove(path)
    if as_json:
        print_json({"folder": str(root), "bytes": sizes, "cleared": cleared})
        return
    console = standard_output()
    console.print(str(root), soft_wrap=True)
    for part, size in sizes.items():
        state = "cleared" if part in cleared else MEANINGS[part]
        console.print(f"  {part:<9}  {size_in_words(size) if size else '-':>8}  {state}", soft_wrap=True)
    if not cleared and any(sizes.values()):
        part = next(part for part, size in sizes.items() if size)
        print_command(console, f"clear with: zoo cache --clear {part}")


def _paths(root: Path, part: str) -> list[Path]:
    """Return the files or folders of a part, and nothing else that a user may have in the folder."""
    if part == RESULTS:
        return list(cache.files(root / cache.FOLDER))
    folder, pattern = {
        DOWNLOADS: (root, DOWNLOAD),
        EMULATION: (root / EMULATION, DEVICE),
        INPUTS: (root / INPUTS, DOWNLOAD),
    }[part]
    if folder.is_symlink() or not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if pattern.fullmatch(path.name) and _is_folder(path)]


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _size_bytes(path: Path) -> int:
    inside = path.rglob("*") if path.is_dir() else [path]
    return sum(one.lstat().st_size for one in inside if one.is_file() and not one.is_symlink())


def _remove(path: Path) -> None:
    try:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    except OSError as error:
        raise OutsideError(f"cannot remove {path} ({error.strerror}); remove it yourself") from error
