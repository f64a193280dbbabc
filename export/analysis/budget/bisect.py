"""Binary searches with few evaluations, because each evaluation quantizes and runs a file."""

from __future__ import annotations

from collections.abc import Callable


def fewest(count: int, holds: Callable[[int], bool]) -> int | None:
    """Return the smallest number in 0..count for which `holds` is true, or None if it is never true.

    The search tries 0, 1, 2, 4, ..., then bisects between the last failure and the first success. If `holds` is not
    monotonic, as with measured numbers, it is still true for the returned number.
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
    """Return the largest number in low..high-1 for which `fits` is true, given that `low` fits and `high` does not."""
    while high - low > 1:
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low
