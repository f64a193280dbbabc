"""Files of texts: a .txt with one text per line, or a .csv with the column text and, for labelled texts, class."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import UsageProblemError

LINES, TABLE = ".txt", ".csv"
TEXT, CLASSES = "text", ("class", "label")  # names of columns
_MOST_BYTES = 1 << 28


def lines(path: Path) -> list[str]:
    """Return the lines of a text file that are not empty.

    Raises:
        UsageProblemError: the file cannot be read, is no text, or is too large.
    """
    found = [line.strip() for line in _content(path).splitlines() if line.strip()]
    if not found:
        raise UsageProblemError(f"{path.name} holds no text; write one text per line")
    return found


def is_table(path: Path) -> bool:
    """Return whether the file is a .csv with a column of texts, and none of photo files."""
    if path.suffix.lower() != TABLE or not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        columns = [cell.strip().strip('"') for cell in file.readline(1 << 16).split(",")]
    return TEXT in columns and "file" not in columns


def texts(path: Path) -> list[str]:
    """Return the texts of a .txt or of the column `text` of a .csv, in their order.

    Raises:
        UsageProblemError: as `lines` and `labelled`.
    """
    return [text for text, _, _ in _rows(path, ())] if path.suffix.lower() == TABLE else lines(path)


def labelled(path: Path) -> list[tuple[str, str]]:
    """Return the texts of a .csv with their classes.

    Raises:
        UsageProblemError: the file cannot be read, lacks a column, or a text or a class is empty.
    """
    found = []
    for text, word, line in _rows(path, CLASSES):
        if not word:
            raise UsageProblemError(f"{path.name} line {line}: the class is empty; write one, or remove the row")
        if not word.isprintable():
            raise UsageProblemError(f"{path.name} line {line}: the class {word!r} has unprintable characters")
        found.append((text, word))
    return found


def _rows(path: Path, classes: tuple[str, ...]) -> Iterator[tuple[str, str, int]]:
    """Yield the text, the class and the number of the last line of every row.

    Args:
        path: the .csv.
        classes: possible names of the column of classes; without any, the classes are empty.
    """
    reader = csv.DictReader(io.StringIO(_content(path), newline=""))
    try:
        columns = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = columns
        column = next((name for name in classes if name in columns), None)
        if TEXT not in columns or (classes and column is None):
            needed = "the columns text and class" if classes else "a column text"
            held = ", ".join(columns) or "none"
            raise UsageProblemError(f"{path.name} needs {needed} and a row per text (has: {held})")
        if twice := next((name for name in (TEXT, column) if name and columns.count(name) > 1), None):
            raise UsageProblemError(f"{path.name} has two columns {twice}; remove or rename one of them")
        is_empty = True
        for row in reader:
            is_empty = False
            text, word = ((row[name] or "").strip() if name else "" for name in (TEXT, column))
            if not text:
                raise UsageProblemError(f"{path.name} line {reader.line_num}: the text is empty; remove the row")
            yield text, word, reader.line_num
    except csv.Error as error:
        raise UsageProblemError(
            f"{path.name} is not a CSV behind line {reader.line_num}: {error}; perhaps a quote is not closed"
        ) from None
    if is_empty:
        raise UsageProblemError(f"{path.name} holds no text; write one text per row")


def _content(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UsageProblemError(f"{path.name} is larger than {_MOST_BYTES >> 20} MB; give a part of it")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageProblemError(f"{path.name} is not text in UTF-8; save it in that encoding") from None
    except OSError as error:
        raise UsageProblemError(f"{path.name} cannot be read: {error.strerror}") from error
