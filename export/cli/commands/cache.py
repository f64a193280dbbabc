"""`zoo cache`: show and clear what is kept on disk between commands."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import click

from export.cli.console import print_json, standard_output
from export.units import size_in_words
from zoo.errors import OutsideError
from zoo.weights.sources import cache_folder

RESULTS, DOWNLOADS, EMULATION, ALL = "results", "downloads", "emulation", "all"
MEANINGS = {
    RESULTS: "steps of earlier exports, used again if nothing that they depend on changed",
    DOWNLOADS: "weights and libraries, checked by their digests",
    EMULATION: "emulated devices",
}
# Downloads lie in folders that are named by a digest; beside them lie notes on where weights came from.
DIGEST = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}|origins")


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
    sizes = {part: sum(_size_bytes(path) for path in _folders(root, part)) for part in MEANINGS}
    cleared = [part for part in MEANINGS if what in (part, ALL)]
    for part in cleared:
        _clear(root, part)
    if as_json:
        print_json({"folder": str(root), "bytes": sizes, "cleared": cleared})
        return
    console = standard_output()
    console.print(str(root), soft_wrap=True)
    for part, size in sizes.items():
        state = "cleared" if part in cleared else MEANINGS[part]
        console.print(f"  {part:<9}  {size_in_words(size) if size else '-':>8}  {state}", soft_wrap=True)
    if not cleared and any(sizes.values()):
        console.print(f"clear with: zoo cache --clear {next(part for part, size in sizes.items() if size)}")


def _folders(root: Path, part: str) -> Iterator[Path]:
    """Yield the folders of a part, and nothing else that a user may have in the folder."""
    if part != DOWNLOADS:
        yield from (path for path in (root / part,) if path.is_dir() and not path.is_symlink())
    elif root.is_dir():
        yield from (path for path in root.iterdir() if DIGEST.fullmatch(path.name) and path.is_dir())


def _size_bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _clear(root: Path, part: str) -> None:
    for folder in list(_folders(root, part)):
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise OutsideError(f"cannot remove {folder} ({error.strerror}); remove it yourself") from error
