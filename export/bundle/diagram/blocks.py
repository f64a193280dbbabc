"""Group the steps of a diagram into blocks, and fold blocks that repeat.

A block is the part of the graph between two points that every path passes through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from export.bundle.diagram.steps import Step

LONGEST_PERIOD = 6  # Maximum number of blocks that repeat together.


@dataclass(frozen=True)
class Block:
    """Positions of consecutive steps: a single step, or branches up to the step that joins them."""

    places: tuple[int, ...]


@dataclass(frozen=True)
class Run:
    """Consecutive blocks and their number of repetitions.

    Attributes:
        blocks: the blocks of the first repetition.
        count: the number of repetitions; 1 if the blocks do not repeat.
    """

    blocks: tuple[Block, ...]
    count: int

    @property
    def places(self) -> tuple[int, ...]:
        """The positions of the steps of the first repetition."""
        return tuple(place for block in self.blocks for place in block.places)

    def times(self, place: int) -> tuple[int, ...]:
        """Return the positions, in every repetition, of a step of the first repetition."""
        return tuple(range(place, place + len(self.places) * self.count, len(self.places)))

    def height(self, steps: Sequence[Step]) -> int:
        """Return the number of rows that one repetition takes."""
        depth: dict[int, int] = {}
        for place in self.places:
            depth[place] = 1 + max((depth.get(source, 0) for source in steps[place].sources), default=0)
        return max(depth.values())


def columns(steps: Sequence[Step], found: Sequence[Run], rows: int) -> list[list[Run]]:
    """Return the runs split into columns of about `rows` rows, balanced by height."""
    heights = [run.height(steps) for run in found]
    count = max(1, round(sum(heights) / rows))
    result: list[list[Run]] = [[] for _ in range(count)]
    above = 0
    for run, height in zip(found, heights, strict=True):
        result[min(count - 1, int((above + height / 2) * count / sum(heights)))].append(run)
        above += height
    return [column for column in result if column]


def blocks(steps: Sequence[Step]) -> list[Block]:
    """Return the steps split into blocks at every point that no edge skips."""
    readers = [0] * len(steps)  # Position of the last reader of each step.
    for place, step in enumerate(steps):
        for source in step.sources:
            readers[source] = max(readers[source], place)
    found, start, farthest = [], 0, 0
    for place in range(len(steps)):
        if farthest <= place:  # No later step reads an earlier one.
            found.append(Block(tuple(range(start, place + 1))))
            start = place + 1
        farthest = max(farthest, readers[place])
    if start < len(steps):
        found.append(Block(tuple(range(start, len(steps)))))
    return found


def runs(steps: Sequence[Step], found: Sequence[Block]) -> list[Run]:
    """Return the blocks in order, with repeated blocks folded into one run."""
    looks = [_look(steps, block) for block in found]
    result, place = [], 0
    while place < len(found):
        period, count = max(
            ((period, _repeats(looks, place, period)) for period in range(1, LONGEST_PERIOD + 1)),
            key=lambda one: (one[0] * (one[1] - 1), -one[0]),
        )
        period = period if count > 1 else 1
        result.append(Run(tuple(found[place : place + period]), count))
        place += period * count
    return result


def _repeats(looks: Sequence[object], place: int, period: int) -> int:
    """Return how often the `period` blocks at `place` repeat consecutively."""
    first, count = looks[place : place + period], 1
    while looks[place + count * period : place + (count + 1) * period] == first:
        count += 1
    return count


def _look(steps: Sequence[Step], block: Block) -> object:
    """Return the visible content of a block except the channels, which grow inside a dense block."""
    start = block.places[0]
    return [
        (
            steps[place].words,
            steps[place].outputs,
            steps[place].shape.rsplit(" x ", 1)[0],
            tuple(source - start for source in steps[place].sources),
        )
        for place in block.places
    ]
