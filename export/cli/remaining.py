"""The time that is left of a counted step, where its pace is even enough to tell."""

from __future__ import annotations

from collections.abc import Sequence

FEWEST_SECONDS, FEWEST_PARTS = 3.0, 4  # of a step, before anything is said about the rest of it
EVEN = 0.25  # the pace of the last half differs by no more than this from the pace of the whole
ROUNDED = ((10, 1), (60, 5), (600, 60))  # below so many seconds, in steps of so many


def seconds_left(history: Sequence[tuple[float, int]], total: int) -> float | None:
    """Return the time that a step still needs after its last report; None if its pace is not even, or not yet known.

    Args:
        history: for each report, the seconds since the step began, and how much was done.
        total: how much there is to do.
    """
    if not history:
        return None
    elapsed, done = history[-1]
    if elapsed < FEWEST_SECONDS or done < FEWEST_PARTS or done >= total:
        return None
    half_elapsed, half_done = max((one for one in history if one[1] <= done / 2), default=(0.0, 0))
    whole, recent = elapsed / done, (elapsed - half_elapsed) / (done - half_done)
    if abs(recent - whole) > EVEN * whole:
        return None
    return max(whole, recent) * (total - done)


def in_words(seconds: float) -> str:
    """Return a time as a person would say it: "7 s", "25 s", "3 min"."""
    step = next((step for limit, step in ROUNDED if seconds < limit), 300)
    rounded = max(step, step * round(seconds / step))
    return f"{rounded} s" if rounded < 60 else f"{round(rounded / 60)} min"
