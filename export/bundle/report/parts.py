"""Data types of the templates: tables and facts, as plain text."""

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
    """A name with its value.

    Attributes:
        name: the name of the fact.
        words: the value as plain text.
        code: a literal in front of the text: a tensor's name or a digest.
        digest: a sha256 below the text.
    """

    name: str
    words: str
    code: str = ""
    digest: str = ""
