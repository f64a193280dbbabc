"""What the templates show: tables and lists of facts, as plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column of a table; `style` is "number", "code" or empty."""

    heading: str
    style: str = ""


@dataclass(frozen=True)
class Table:
    """Columns, and rows with a cell for each of them."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Fact:
    """A name and what is to be said of it.

    Attributes:
        name: what the fact is about.
        words: plain words.
        code: what stands before them, letter by letter: a tensor's name, a digest.
        digest: the sha256 that stands below them.
    """

    name: str
    words: str
    code: str = ""
    digest: str = ""
