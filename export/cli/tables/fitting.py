"""Tables that fit the terminal: a narrow one gets fewer columns, and a long name breaks after a dash."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    Cell = str | Text

GAPS = (3, 2)  # characters between two columns, and where not all columns fit
FEWEST = 6  # characters that a broken cell keeps, however narrow the terminal is
# A name breaks after a dash, an underscore or a slash, unless that begins it, as in "--raise" or "/tmp".
_BREAK = re.compile(r"(?<=[^\W_][-_/])(?=[^\W_])")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes:
        heading: its title, a word of the glossary.
        rank: those of rank 0 are always shown, the others in the room that columns of lower rank leave.
        breaks: whether its cells may take several lines.
        narrowest: a cell that breaks is not made narrower than this without need.
        justify: side to which its cells are aligned.
        style: of its cells.
    """

    heading: str
    rank: int = 0
    breaks: bool = False
    narrowest: int = FEWEST
    justify: Literal["left", "right"] = "left"
    style: str | None = None


def number(heading: str, rank: int = 0) -> Column:
    """Return a column of numbers."""
    return Column(heading=heading, rank=rank, justify="right")


def print_fitting(
    console: Console,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    *,
    title: str = "",
    styles: Sequence[str | None] = (),
    ends: Collection[int] = (),
) -> None:
    """Print a table that is no wider than the console.

    Args:
        console: where to.
        columns: the columns, from left to right.
        rows: a cell for every column.
        title: printed above.
        styles: of the rows; default: none.
        ends: numbers of the rows that a blank line follows.
    """
    if title:
        console.print(title, style="bold")
        console.print()
    console.print(_table(columns, rows, console.width, styles or [None] * len(rows), ends))


def _table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    width: int,
    styles: Sequence[str | None],
    ends: Collection[int],
) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    gap, sizes = _layout(columns, rows, width)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, gap - 2))
    for place, size in sizes.items():
        column = columns[place]
        table.add_column(
            column.heading, justify=column.justify, style=column.style, width=size, no_wrap=True, overflow="fold"
        )
    for index, (row, style) in enumerate(zip(rows, styles, strict=True)):
        table.add_row(*(broken(row[place], size) for place, size in sizes.items()), style=style)
        if index in ends and index + 1 < len(rows):
            table.add_section()
    return table


def _layout(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int) -> tuple[int, dict[int, int]]:
    """Return the gap between the columns, and the width of each column that fits, by its place."""
    whole = [_widest(column, rows, place, _lines) for place, column in enumerate(columns)]
    least = [
        min(full, max(column.narrowest, _widest(column, rows, place, _pieces))) if column.breaks else full
        for place, (column, full) in enumerate(zip(columns, whole, strict=True))
    ]
    gap = next((gap for gap in GAPS if sum(least) + gap * (len(columns) - 1) <= width), GAPS[-1])
    chosen: set[int] = set()
    for place in sorted(range(len(columns)), key=lambda place: columns[place].rank):
        needed = sum(least[one] for one in chosen | {place}) + gap * len(chosen)
        if columns[place].rank == 0 or needed <= width:
            chosen.add(place)
    breaking = {place for place in chosen if columns[place].breaks}
    sizes = {place: least[place] for place in sorted(chosen)}
    spare = width - sum(sizes.values()) - gap * (len(chosen) - 1)
    return gap, _narrowed(sizes, breaking, -spare) if spare < 0 else _widened(sizes, breaking, whole, spare)


def _narrowed(sizes: dict[int, int], breaking: Collection[int], excess: int) -> dict[int, int]:
    """Return the widths with the widest of the columns that break made narrower by `excess` characters in all."""
    sizes = dict(sizes)
    for _ in range(excess):
        widest = max(breaking, key=lambda place: sizes[place], default=None)
        if widest is None or sizes[widest] <= FEWEST:
            break
        sizes[widest] -= 1
    return sizes


def _widened(sizes: dict[int, int], breaking: Collection[int], whole: Sequence[int], spare: int) -> dict[int, int]:
    """Return the widths with `spare` characters given to the columns that break, those that lack least first."""
    sizes, waiting = dict(sizes), sorted(breaking, key=lambda place: whole[place] - sizes[place])
    for number, place in enumerate(waiting):
        given = min(whole[place] - sizes[place], spare // (len(waiting) - number))
        sizes[place] += given
        spare -= given
    return sizes


def _widest(column: Column, rows: Sequence[Sequence[Cell]], place: int, split: Callable[[str], list[str]]) -> int:
    from rich.cells import cell_len

    cells = (piece for row in rows for piece in split(str(row[place])))
    return max(map(cell_len, (column.heading, *cells)))


def _lines(text: str) -> list[str]:
    return text.split("\n")


def _pieces(text: str) -> list[str]:
    """Return the parts of a text between which a line may end."""
    return [piece for word in text.split() for piece in _BREAK.split(word)]


def broken(cell: Cell, width: int) -> Text:
    """Return a cell with lines of at most `width` characters: between words, within a long word after a dash."""
    from rich.text import Text

    text = cell if isinstance(cell, Text) else Text(cell)
    lines, place = [], 0
    for line in _filled(text.plain, width):
        start = text.plain.index(line, place)
        place = start + len(line)
        lines.append(text[start:place])
    return Text("\n", style=text.style).join(lines)


def _filled(text: str, width: int) -> Iterator[str]:
    """Yield the lines of a text, each a part of it."""
    from rich.cells import cell_len

    for paragraph in text.split("\n"):
        line = ""
        for index, word in enumerate(paragraph.split(" ")):
            joined = f"{line} {word}" if index else word
            if cell_len(joined) <= width:
                line = joined
                continue
            if line.strip():
                yield line.rstrip()
            line = ""
            for piece in _fitting_pieces(word, width):
                if line and cell_len(line + piece) > width:
                    yield line
                    line = ""
                line += piece
        yield line.rstrip()


def _fitting_pieces(word: str, width: int) -> Iterator[str]:
    """Yield the parts of a word; a part that is too long without a dash is cut."""
    from rich.cells import cell_len, chop_cells

    if cell_len(word) <= width:
        yield word
        return
    for piece in _BREAK.split(word):
        yield from chop_cells(piece, width) if cell_len(piece) > width else [piece]
