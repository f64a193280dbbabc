"""Read a flatbuffer by its layout alone, apart from the code that writes metadata: https://flatbuffers.dev/internals."""

from __future__ import annotations

import struct
from typing import Any


def _number(content: bytes, kind: str, position: int) -> int:
    return int(struct.unpack_from(f"<{kind}", content, position)[0])


class Fields:
    """A table: its fields by slot."""

    def __init__(self, content: bytes, position: int) -> None:
        self.content, self.position = content, position

    @classmethod
    def root(cls, content: bytes) -> Fields:
        return cls(content, _number(content, "I", 0))

    def place(self, slot: int) -> int:
        """Return the position of a field, 0 if the table does not have it."""
        table = self.position - _number(self.content, "i", self.position)
        if 4 + 2 * slot >= _number(self.content, "H", table):
            return 0
        offset = _number(self.content, "H", table + 4 + 2 * slot)
        return self.position + offset if offset else 0

    def byte(self, slot: int) -> int:
        return self.content[place] if (place := self.place(slot)) else 0

    def uint(self, slot: int) -> int:
        return _number(self.content, "I", place) if (place := self.place(slot)) else 0

    def _target(self, slot: int) -> int:
        place = self.place(slot)
        return place + _number(self.content, "I", place) if place else 0

    def data(self, slot: int, size: int = 1) -> bytes:
        """Return the bytes of a string, or of a vector of elements of that size."""
        start = self._target(slot)
        return self.content[start + 4 : start + 4 + size * _number(self.content, "I", start)] if start else b""

    def text(self, slot: int) -> str:
        return self.data(slot).decode()

    def floats(self, slot: int) -> list[float]:
        return list(struct.unpack(f"<{len(self.data(slot, 4)) // 4}f", self.data(slot, 4)))

    def table(self, slot: int) -> Fields:
        return Fields(self.content, self._target(slot))

    def tables(self, slot: int) -> list[Fields]:
        start = self._target(slot)
        if not start:
            return []
        places = range(start + 4, start + 4 + 4 * _number(self.content, "I", start), 4)
        return [Fields(self.content, place + _number(self.content, "I", place)) for place in places]


def buffers(model: bytes) -> list[tuple[int, bytes]]:
    """Return position and content of every buffer of a .tflite that has one."""
    tables = [one for one in Fields.root(model).tables(4) if one.place(0)]
    return [(one._target(0) + 4, one.data(0)) for one in tables]


def entries(model: bytes) -> dict[str, bytes]:
    """Return the metadata of a .tflite by name."""
    root = Fields.root(model)
    tables = root.tables(4)
    return {one.text(0): tables[one.uint(1)].data(0) for one in root.tables(6)}


def model_metadata(model: bytes) -> Fields:
    """Return the table ModelMetadata of a .tflite."""
    content = entries(model)["TFLITE_METADATA"]
    assert content[4:8] == b"M001"
    return Fields.root(content)


def graph(model: bytes) -> Fields:
    """Return the table SubGraphMetadata of a .tflite."""
    (found,) = model_metadata(model).tables(3)
    return found


def normalization(tensor: Fields) -> tuple[list[float], list[float]]:
    """Return mean and deviation of an input."""
    (unit,) = tensor.tables(4)
    assert unit.byte(0) == 1  # NormalizationOptions
    options: Any = unit.table(1)
    return options.floats(0), options.floats(1)


def colours(tensor: Fields) -> int:
    """Return the colour space of an input: 1 is RGB, 2 grey, 0 unknown."""
    content = tensor.table(3)
    assert content.byte(0) == 2  # ImageProperties
    return content.table(1).byte(0)
