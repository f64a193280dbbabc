"""Pieces of HTML; every word from outside goes through `text`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

# A heading, and whether its cells are numbers.
Column = tuple[str, bool]


def text(value: object) -> str:
    """Return a value as text that is safe between tags and in quoted attributes."""
    return escape(str(value), quote=True)


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Return a list of (name, markup)."""
    return "<dl>" + "".join(f"<dt>{text(name)}</dt><dd>{markup}</dd>" for name, markup in pairs) + "</dl>"


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]], style: str = "") -> str:
    """Return a table; the rows' cells are markup. Each cell carries its heading, for phones."""
    heads = "".join(f'<th scope="col" class="{_kind(number)}">{text(heading)}</th>' for heading, number in columns)
    body = "".join(f"<tr>{''.join(_cells(columns, row))}</tr>" for row in rows)
    return f'<table class="{style}"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def paragraphs(lines: Iterable[str], style: str = "quiet") -> str:
    """Return one paragraph per line of plain words."""
    return "\n".join(f'<p class="{style}">{text(line)}</p>' for line in lines)


def _cells(columns: Sequence[Column], row: Sequence[str]) -> Iterable[str]:
    for position, ((heading, number), markup) in enumerate(zip(columns, row, strict=True)):
        kinds = [_kind(number), "name" if position == 0 else "", "" if markup else "empty"]
        yield f'<td class="{" ".join(filter(None, kinds))}" data-label="{text(heading)}">{markup}</td>'


def _kind(number: bool) -> str:
    return "number" if number else ""
