"""Write and read tables of a flatbuffer schema for which there is no generated code.

https://flatbuffers.dev/internals: a table is a list of fields, each in a slot that the schema numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

IDENTIFIER_BYTES = slice(4, 8)
ALIGNMENT = 16  # of bytes that are flatbuffers themselves


class Byte(int):
    """A number of 8 bits, such as an enumeration or the type of a union."""


class Count(int):
    """An unsigned number of 32 bits."""


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        fields: by slot; fields that are None or empty are left out.
    """

    fields: Mapping[int, Byte | Count | str | bytes | Table | Sequence[float] | Sequence[Table] | None]


def write(table: Table, identifier: bytes) -> bytes:
    """Return a flatbuffer with this root."""
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(_packed(builder, table), file_identifier=identifier)
    return bytes(builder.Output())


def _packed(builder: Any, table: Table) -> int:
    """Write a table behind its parts, and return its offset."""
    given = {slot: value for slot, value in table.fields.items() if value is not None}
    parts = {slot: _part(builder, value) for slot, value in given.items() if not isinstance(value, int)}
    builder.StartObject(max(given, default=-1) + 1)
    for slot, value in given.items():
        if isinstance(value, Byte):
            builder.PrependByteSlot(slot, value, 0)
        elif isinstance(value, Count):
            builder.PrependUint32Slot(slot, value, 0)
        elif parts[slot]:
            builder.PrependUOffsetTRelativeSlot(slot, parts[slot], 0)
    return int(builder.EndObject())


def _part(builder: Any, value: Any) -> int:
    """Write what a field refers to, and return its offset; 0 if it is empty."""
    if isinstance(value, Table):
        return _packed(builder, value)
    if not value:
        return 0
    if isinstance(value, str):
        return int(builder.CreateString(value))
    if isinstance(value, bytes):
        builder.StartVector(1, len(value), ALIGNMENT)
        builder.head -= len(value)
        builder.Bytes[builder.head : builder.head + len(value)] = value
        return int(builder.EndVector())
    if isinstance(value[0], Table):
        offsets = [_packed(builder, one) for one in value]
        builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            builder.PrependUOffsetTRelative(offset)
        return int(builder.EndVector())
    builder.StartVector(4, len(value), 4)
    for number in reversed(value):
        builder.PrependFloat32(number)
    return int(builder.EndVector())


class View:
    """A table in a flatbuffer, read when asked."""

    def __init__(self, content: bytes, position: int) -> None:
        from flatbuffers.table import Table as Reader

        self._content, self._reader = content, Reader(content, position)

    @classmethod
    def root(cls, content: bytes) -> View:
        """Return the root of a flatbuffer."""
        return cls(content, int.from_bytes(content[:4], "little"))

    def byte(self, slot: int) -> int:
        """Return a number of 8 bits, 0 if it is not there."""
        offset = self._offset(slot)
        return self._content[self._reader.Pos + offset] if offset else 0

    def text(self, slot: int) -> str:
        """Return a string, empty if it is not there."""
        offset = self._offset(slot)
        return bytes(self._reader.String(self._reader.Pos + offset)).decode(errors="replace") if offset else ""

    def table(self, slot: int) -> View | None:
        """Return a table, None if it is not there."""
        offset = self._offset(slot)
        return View(self._content, self._reader.Indirect(self._reader.Pos + offset)) if offset else None

    def tables(self, slot: int) -> Iterator[View]:
        """Yield the tables of a vector, none if it is not there."""
        offset = self._offset(slot)
        if offset:
            start, count = self._reader.Vector(offset), self._reader.VectorLen(offset)
            for place in range(start, start + 4 * count, 4):
                yield View(self._content, self._reader.Indirect(place))

    def floats(self, slot: int) -> tuple[float, ...]:
        """Return the numbers of a vector, none if it is not there."""
        import numpy as np

        offset = self._offset(slot)
        if not offset:
            return ()
        start, count = self._reader.Vector(offset), self._reader.VectorLen(offset)
        return tuple(np.frombuffer(self._content, "<f4", count, start).tolist())

    def _offset(self, slot: int) -> int:
        return int(self._reader.Offset(4 + 2 * slot))
