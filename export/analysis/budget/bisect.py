"""How many of a ranking: few questions, because each is a file to make and to run."""

from __future__ import annotations

from collections.abc import Callable


def fewest(count: int, holds: Callable[[int], bool]) -> int | None:
    """Return the smallest number of 0..count for which `holds`, or None if it never does.

    Asked of 0, 1, 2, 4, ..., then between the last that failed and the first that held. Where more does not always
    hold if less does, as with measured numbers, what is returned holds all the same.
    """
    failed, tried = -1, 0
    while not holds(tried):
        if tried == count:
            return None
        failed, tried = tried, min(count, max(1, 2 * tried))
    while tried - failed > 1:
        middle = (failed + tried) // 2
        if holds(middle):
            tried = middle
        else:
            failed = middle
    return tried


def most(low: int, high: int, fits: Callable[[int], bool]) -> int:
    """Return the largest number of low..high-1 for which `fits`, where `low` fits and `high` does not."""
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low
