"""The fields of a protobuf message, without its schema: enough to see whether a file is whole."""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10


def fields(content: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the number and the value of every field: an integer, or the bytes of a text, message or array.

    Raises:
        ValueError: the message is cut off, or is none.
    """
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, at = _varint(content, at)
            yield number, value
            continue
        if kind == BYTES:
            size, at = _varint(content, at)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise ValueError(f"a field of the kind {kind}, which does not exist")
        if number == 0 or at + size > len(content):
            raise ValueError("it ends in the middle of a field" if number else "a field without a number")
        yield number, content[at : at + size]
        at += size


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    """Return the integer at a place, and the place behind it."""
    value = 0
    for index in range(_LONGEST_VARINT):
        if at + index >= len(content):
            raise ValueError("it ends in the middle of a number")
        byte = content[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise ValueError("a number that is too long")
