"""Write into the files of an export what they are, before they are proven: the bytes that are proven are delivered."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from dataclasses import replace

from export.formats import FORMATS
from export.formats.enclosure import Enclosure
from export.model.description import describe
from export.quantization.build import MadeFile
from export.quantization.export_run import ExportRun
from export.quantization.requested import Key
from export.quantization.size_limit import LARGEST_BYTES
from export.runtime.file_content import FileContent
from export.runtime.versions import version


def described(run: ExportRun, files: Mapping[Key, MadeFile]) -> dict[Key, MadeFile]:
    """Return the files with what they say about themselves; a file that could not be built stays as it is."""
    return {key: file if file.trouble else replace(file, content=_described(run, file)) for key, file in files.items()}


def described_bytes(run: ExportRun, file: MadeFile) -> int:
    """Return the size that a file will have when it is described."""
    return len(file.content) + len(_enclosure(run, file))


def _described(run: ExportRun, file: MadeFile) -> FileContent:
    name = f"{file.scheme}{FORMATS[file.format].suffix}"
    return file.content.enclosed(_enclosure(run, file), run.work, name)


def _enclosure(run: ExportRun, file: MadeFile) -> Enclosure:
    description = describe(run.subject).of_file(str(file.scheme), version("zoo-export") or "")
    found = FORMATS[file.format].describe(_content(file.content), description)
    # No reader takes a larger file, and what a file computes counts more than what it says.
    is_too_large = file.content.data is None and len(file.content) + len(found) > LARGEST_BYTES
    return Enclosure() if is_too_large else found


def _content(content: FileContent) -> bytes | mmap.mmap:
    if content.path is None:
        return content.in_memory
    with content.path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
