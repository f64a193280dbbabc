"""Place buffers in one block of memory as TensorFlow Lite Micro does: the largest first, each in the first gap.

The rule is that of its GreedyMemoryPlanner (tensorflow/lite/micro/memory_planner), which decides the size of the arena.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass

ALIGNMENT = 16


@dataclass(frozen=True, kw_only=True)
class Buffer:
    """A tensor or a scratch buffer.

    Attributes:
        size_bytes: its size.
        first: number of the operator before which it exists.
        last: number of the operator after which its place is free.
    """

    size_bytes: int
    first: int
    last: int

    @property
    def room_bytes(self) -> int:
        """The size with which it is placed."""
        return aligned(self.size_bytes)

    def meets(self, other: Buffer) -> bool:
        """Return whether both exist at the same time."""
        return self.first <= other.last and other.first <= self.last


def aligned(size_bytes: int) -> int:
    """Return the smallest multiple of the alignment that is not less than a size."""
    return -(-size_bytes // ALIGNMENT) * ALIGNMENT


def offsets(buffers: Sequence[Buffer]) -> tuple[int, ...]:
    """Return where each buffer begins; of buffers of one size, the last is placed first."""
    places = [0] * len(buffers)
    placed: list[int] = []  # by descending room, as they are placed; sorted by their offsets
    for number in sorted(range(len(buffers)), key=lambda number: (-buffers[number].room_bytes, -number)):
        buffer, start = buffers[number], 0
        for other in placed:
            if not buffers[other].meets(buffer):
                continue
            if places[other] - start >= buffer.room_bytes:
                break
            start = max(start, places[other] + buffers[other].room_bytes)
        places[number] = start
        insort(placed, number, key=places.__getitem__)
    return tuple(places)


def peak_bytes(buffers: Sequence[Buffer]) -> int:
    """Return the size of the block that holds all buffers at their places."""
    return max((start + buffer.room_bytes for start, buffer in zip(offsets(buffers), buffers, strict=True)), default=0)
