"""Steps in blocks: what lies between two places that everything passes is one; equal neighbours are told once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from export.cli.diagram.steps import Step

LONGEST_PERIOD = 6  # blocks that repeat together


@dataclass(frozen=True)
class Block:
    """Steps that follow each other, by their positions; a chain of one, or branches up to where they meet."""

    places: tuple[int, ...]


@dataclass(frozen=True)
class Run:
    """Blocks that follow each other, and how often the same comes again.

    Attributes:
        blocks: of the first time.
        count: how often they come; 1 for once.
    """

    blocks: tuple[Block, ...]
    count: int

    @property
    def places(self) -> tuple[int, ...]:
        """The positions of the steps of the first time."""
        return tuple(place for block in self.blocks for place in block.places)

    def times(self, place: int) -> tuple[int, ...]:
        """Return the positions of a step of the first time in all of them."""
        return tuple(range(place, place + len(self.places) * self.count, len(self.places)))

    def height(self, steps: Sequence[Step]) -> int:
        """Return how many steps of the first time stand one above the other."""
        depth: dict[int, int] = {}
        for place in self.places:
            depth[place] = 1 + max((depth.get(source, 0) for source in steps[place].sources), default=0)
        return max(depth.values())


def columns(steps: Sequence[Step], found: Sequence[Run], rows: int) -> list[list[Run]]:
    """Return the runs in columns of about so many rows, as equal as their heights allow."""
    heights = [run.height(steps) for run in found]
    count = max(1, round(sum(heights) / rows))
    result: list[list[Run]] = [[] for _ in range(count)]
    above = 0
    for run, height in zip(found, heights, strict=True):
        result[min(count - 1, int((above + height / 2) * count / sum(heights)))].append(run)
        above += height
    return [column for column in result if column]


def blocks(steps: Sequence[Step]) -> list[Block]:
    """Return the steps cut where no line passes by."""
    readers = [0] * len(steps)  # the last one of each
    for place, step in enumerate(steps):
        for source in step.sources:
            readers[source] = max(readers[source], place)
    found, start, farthest = [], 0, 0
    for place in range(len(steps)):
        if farthest <= place:  # nothing before it is read behind it
            found.append(Block(tuple(range(start, place + 1))))
            start = place + 1
        farthest = max(farthest, readers[place])
    if start < len(steps):
        found.append(Block(tuple(range(start, len(steps)))))
    return found


def runs(steps: Sequence[Step], found: Sequence[Block]) -> list[Run]:
    """Return the blocks in order, those that repeat in one run."""
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
    """Return how often what begins at `place` comes one time after another."""
    first, count = looks[place : place + period], 1
    while looks[place + count * period : place + (count + 1) * period] == first:
        count += 1
    return count


def _look(steps: Sequence[Step], block: Block) -> object:
    """Return what a reader sees of a block, but for the channels: those of a dense block grow."""
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
