"""Counts, sizes and times as text, the same in every table."""

from __future__ import annotations


def count_in_words(count: int) -> str:
    """Return a count with three digits: 61706 -> "61.7 k", 4253864 -> "4.25 M"."""
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if count >= 0.9995 * limit:
            return f"{_three_digits(count / limit)}{unit}"
    return str(count)


def size_in_words(size_bytes: int) -> str:
    """Return a size in decimal units: 4276352 -> "4.28 MB"."""
    number, _, prefix = count_in_words(size_bytes).partition(" ")
    return f"{number} {prefix}B"


def time_in_words(milliseconds: float) -> str:
    """Return milliseconds with the digits that are significant: 12.345 -> "12.35", 0.0123 -> "0.012"."""
    return f"{milliseconds:.{2 if milliseconds >= 0.1 else 3}f}"


def _three_digits(number: float) -> str:
    return f"{number:.{2 if number < 10 else 1 if number < 100 else 0}f}"
