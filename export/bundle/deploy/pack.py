"""Write the folder of a target: the delivered file, what its runtime needs beside it, checksums and instructions."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from export.bundle import generate, given
from export.bundle.deploy.target import Files, LanguageModel, Target
from export.bundle.read import Delivered, DeliveredFile
from export.progress import Progress
from export.runtime import background
from export.runtime.jobs.cache_size import cache_size
from export.temporary import FULL
from zoo import inputs
from zoo.errors import CheckFailedError, OutsideError, UsageProblemError
from zoo.inputs import Tokens
from zoo.language.decoder import CacheSize
from zoo.language.tokenizer import Tokenizer

CHECKSUMS, README = "SHA256SUMS", "README.md"
# The byte 255, as tokenizers of bytes and those with bytes as their last resort write it.
NO_TEXT = ("ÿ", "<0xFF>")


@dataclass(frozen=True, kw_only=True)
class Packed:
    """The folder of a target.

    Attributes:
        folder: its path.
        source: the delivered file in it.
        sizes: bytes of every file, by its path in the folder.
    """

    folder: Path
    source: DeliveredFile
    sizes: Mapping[str, int]


def pack(delivered: Delivered, target: Target, precision: str | None, out: Path | None, progress: Progress) -> Packed:
    """Write a delivered file into a folder of its own, with all that the target's runtime needs.

    Args:
        delivered: the folder of an export.
        target: the runtime.
        precision: of the file; None takes the smallest.
        out: the new folder; None means `<folder>-<target>`.
        progress: is notified of every step.

    Raises:
        UsageProblemError: the folder has no file that the target loads, or the new folder holds other files.
        CheckFailedError: a file differs from the exported one, or failed its proof.
        OutsideError: the folder cannot be written.
    """
    source_folder = delivered.folder.resolve()
    folder = out if out is not None else source_folder.with_name(f"{source_folder.name}-{target.name}")
    if source_folder in (folder.resolve(), *folder.resolve().parents):
        raise UsageProblemError(f"{folder} lies in the folder of the export; choose another folder with --out")
    _check_owned(folder)
    source = choose(delivered, target, precision)
    model = _language_model(delivered, source, progress)
    progress.step(f"write {folder}")
    readme = f"# {model.name} for {target.title}\n\n{target.readme(model).replace('FOLDER', folder.name)}"
    files = {**target.files(model), README: readme.encode()}
    try:
        return Packed(folder=folder, source=source, sizes=_written(folder, files))
    except OSError as error:
        hint = "free some space" if error.errno in FULL else "choose another folder with --out"
        raise OutsideError(f"cannot write {folder} ({error.strerror or error}); {hint}") from error


def choose(delivered: Delivered, target: Target, precision: str | None) -> DeliveredFile:
    """Return the delivered file that a target gets.

    Raises:
        UsageProblemError: there is none.
        CheckFailedError: it differs from the exported one, or failed its proof.
    """
    if delivered.task != generate.TASK:
        raise UsageProblemError(f"{target.title} runs models that continue texts; {delivered.name} does not")
    loaded = [file for file in delivered.files if file.format == target.format]
    if not loaded:
        raise UsageProblemError(
            f"{target.title} loads .{target.format} files, and {delivered.folder} has none; export without --format"
        )
    named = [file for file in loaded if precision in (None, file.scheme.name)]
    if not named:
        known = ", ".join(file.scheme.name for file in loaded)
        raise UsageProblemError(f"{delivered.folder} has no .{target.format} in {precision}; it has {known}")
    for file in named:
        if trouble := file.damage():
            raise CheckFailedError(f"{file.path}: {trouble}; see: zoo verify {delivered.folder}")
    source = min(named, key=lambda file: file.size_bytes)
    if source.data:
        raise UsageProblemError(
            f"{source.path.name} keeps its weights in a second file, which zoo pack does not copy; copy both files "
            f"from {delivered.folder} by hand"
        )
    if source.failures:
        raise CheckFailedError(f"{source.path} failed its proof: {source.failures[0]}; choose another --precision")
    return source


def _language_model(delivered: Delivered, file: DeliveredFile, progress: Progress) -> LanguageModel:
    tokenizer = given.tokenizer(delivered)
    sizes = background.start(cache_size, progress, path=str(file.path.absolute()))
    first = tokenizer.ids("")
    return LanguageModel(
        name=delivered.name,
        file=file.path,
        scheme=file.scheme,
        tokenizer=delivered.folder / inputs.tokenizer_of(delivered.inputs),
        vocabulary=next(one.vocabulary for one in delivered.inputs.values() if isinstance(one, Tokens)),
        cache=CacheSize(**sizes),
        begin=first[0] if first else None,
        end=_end(tokenizer, delivered),
    )


def _end(tokenizer: Tokenizer, delivered: Delivered) -> int:
    """Return the number of the token that ends a text; without one, of a byte that no text in UTF-8 contains."""
    for token in (*generate.ENDS, *NO_TEXT):
        if (number := tokenizer.number(token)) is not None:
            return number
    raise UsageProblemError(f"the tokenizer of {delivered.name} has no token that ends a text, which runtimes require")


def _check_owned(folder: Path) -> None:
    """Check that nothing is lost when the folder is replaced.

    Raises:
        UsageProblemError: it holds files that were not packed, or were changed since.
    """
    if not folder.exists() and not folder.is_symlink():
        return
    if folder.is_symlink() or not folder.is_dir() or not _is_owned(folder):
        raise UsageProblemError(
            f"{folder} holds files that were not packed here, or were changed since; choose another folder with --out"
        )


def _is_owned(folder: Path) -> bool:
    """Return whether every entry of a folder is a file that was packed there, or a folder of such files."""
    known = _checksums(folder)
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() and not path.is_symlink() and any(other.startswith(f"{name}/") for other in known):
            continue
        if name != CHECKSUMS and (path.is_symlink() or not path.is_file() or known.get(name) != _sha256(path)):
            return False
    return True


def _checksums(folder: Path) -> dict[str, str]:
    path = folder / CHECKSUMS
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _written(folder: Path, files: Files) -> dict[str, int]:
    """Write the files into a hidden folder, which then takes the place of `folder`; return the size of each."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        new.chmod(0o755)
        for name, content in files.items():
            path = new / PurePosixPath(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                shutil.copyfile(content, path)
        lines = [f"{_sha256(new / name)}  {name}\n" for name in sorted(files)]
        (new / CHECKSUMS).write_text("".join(lines), encoding="utf-8")
        sizes = {name: (new / name).stat().st_size for name in (*files, CHECKSUMS)}
        if folder.exists():
            shutil.rmtree(folder)
        new.replace(folder)
        return sizes
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
