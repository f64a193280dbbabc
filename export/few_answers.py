"""When a model says so little about its samples that equal answers prove nothing."""

from __future__ import annotations

# Different best classes of one output: a file that always names the same one, whatever it sees, would agree too.
FEWEST_ANSWERS = 4


def enough_answers(classes: int) -> int:
    """Return how many different answers a model with that many classes must give."""
    return min(FEWEST_ANSWERS, classes)


def few_answers(count: int) -> str:
    """Say how few there are."""
    return f"the model gives only {count} different answer{'s' * (count > 1)} on these samples"
