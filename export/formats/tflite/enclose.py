"""Put metadata around the bytes of a .tflite, which stay as they are: a new root before them, a zip archive behind.

A flatbuffer refers from front to back, so a new root can refer to the parts of the file behind it. Readers of TFLite
metadata look for the associated files in a zip archive at the end of the file.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from mmap import mmap
from typing import Any

from export.formats.enclosure import Enclosure
from export.formats.tflite.flatbuffer import IDENTIFIER, WEIGHTS_ALIGNMENT

# Slots of the table Model in the schema of .tflite: those that are copied, and those that get another entry.
_VERSION, _BUFFERS, _METADATA = 0, 4, 6
_KEPT = (1, 2, 3, 5, 7)  # operator codes, graphs, description, metadata buffers and signatures
_FIRST_TIME = (1980, 1, 1, 0, 0, 0)  # of a zip archive, so that equal files have equal bytes


def enclose(content: bytes | mmap, name: str, metadata: bytes, files: Mapping[str, bytes]) -> Enclosure:
    """Return what gives a .tflite one more entry of metadata, and associated files.

    Args:
        content: the file.
        name: of the entry.
        metadata: its content.
        files: contents of the associated files by name.
    """
    before = _root(content, name, metadata)
    return Enclosure(before=before, behind=_archive(files, len(before) + len(content)) if files else b"")


def _root(content: bytes | mmap, name: str, metadata: bytes) -> bytes:
    """Return a flatbuffer's start, whose root is that of the file behind it with one more entry of metadata."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    class Builder(flatbuffers.Builder):  # type: ignore[misc]  # flatbuffers ships no types
        def PrependUOffsetTRelative(self, off: int) -> None:  # noqa: N802  # flatbuffers calls it so
            """Refer to an offset of this start, or, if it is negative, to a position of the file behind it."""
            if off >= 0:
                super().PrependUOffsetTRelative(off)
                return
            self.Prep(4, 0)
            self.PlaceUOffsetT(self.Offset() + 4 - off)

    model = schema.Model.GetRootAs(content, 0)
    builder = Builder(len(metadata) + 4 * model.BuffersLength() + 1024)
    buffers, entries = _positions(model, _BUFFERS), _positions(model, _METADATA)
    buffer = _buffer(builder, metadata)
    entry = _entry(builder, name, len(buffers))
    new_buffers = _vector(builder, [*(-position for position in buffers), buffer])
    new_entries = _vector(builder, [*(-position for position in entries), entry])
    schema.ModelStart(builder)
    builder.PrependUint32Slot(_VERSION, model.Version(), 0)
    for slot in _KEPT:
        if position := _position(model, slot):
            builder.PrependUOffsetTRelativeSlot(slot, -position, 0)
    builder.PrependUOffsetTRelativeSlot(_BUFFERS, new_buffers, 0)
    builder.PrependUOffsetTRelativeSlot(_METADATA, new_entries, 0)
    root = schema.ModelEnd(builder)
    builder.minalign = WEIGHTS_ALIGNMENT  # A multiple of it in length, so that nothing behind loses its alignment.
    builder.Finish(root, file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _buffer(builder: Any, content: bytes) -> int:
    """Write a Buffer, and return its offset."""
    from ai_edge_litert import schema_py_generated as schema

    builder.StartVector(1, len(content), WEIGHTS_ALIGNMENT)
    builder.head -= len(content)
    builder.Bytes[builder.head : builder.head + len(content)] = content
    data = builder.EndVector()
    schema.BufferStart(builder)
    schema.BufferAddData(builder, data)
    return int(schema.BufferEnd(builder))


def _entry(builder: Any, name: str, buffer: int) -> int:
    """Write a Metadata, which names a buffer, and return its offset."""
    from ai_edge_litert import schema_py_generated as schema

    text = builder.CreateString(name)
    schema.MetadataStart(builder)
    schema.MetadataAddName(builder, text)
    schema.MetadataAddBuffer(builder, buffer)
    return int(schema.MetadataEnd(builder))


def _vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _position(model: Any, slot: int) -> int:
    """Return the position of what a field of the root refers to; 0 if the field is empty."""
    table = model._tab
    offset = table.Offset(4 + 2 * slot)
    return int(table.Indirect(table.Pos + offset)) if offset else 0


def _positions(model: Any, slot: int) -> list[int]:
    """Return the positions of the tables in a vector of the root."""
    table = model._tab
    offset = table.Offset(4 + 2 * slot)
    if not offset:
        return []
    start = table.Vector(offset)
    return [int(table.Indirect(start + 4 * index)) for index in range(table.VectorLen(offset))]


class _Tail(io.BytesIO):
    """The end of a file whose start lies elsewhere: positions count from the start of the file."""

    def __init__(self, start: int) -> None:
        super().__init__()
        self._start = start

    def tell(self) -> int:
        return self._start + super().tell()

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        return self._start + super().seek(position - self._start if whence == io.SEEK_SET else position, whence)


def _archive(files: Mapping[str, bytes], start: int) -> bytes:
    """Return a zip archive, stored without compression, that begins at the position `start` of a file."""
    tail = _Tail(start)
    with zipfile.ZipFile(tail, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _FIRST_TIME), content)
    return tail.getvalue()
