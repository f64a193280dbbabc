"""Map the class words of folder names or a CSV to class indices; ambiguous words are refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from zoo.errors import UsageProblemError, unknown


def class_indices(words: Collection[str], *, classes: int, labels: Sequence[str] = ()) -> dict[str, int]:
    """Return the class index of each word.

    The words must be labels of the model, class indices, or as many other words as the model has classes, which are
    numbered in sorted order.

    Raises:
        UsageProblemError: an index is out of range, a label is unknown or ambiguous, or the number of words differs.
    """
    if set(words) <= set(labels) and len(set(labels)) == len(labels):
        return {word: labels.index(word) for word in words}  # also numbers that are names: 1 to 5 stars
    if all(map(_is_number, words)) and not any(map(_is_number, labels)):
        outside = sorted(word for word in words if int(word) >= classes)
        if outside:
            raise UsageProblemError(f"class {outside[0]} does not exist: the model has classes 0 to {classes - 1}")
        return {word: int(word) for word in words}
    known = {_plain(label): index for index, label in enumerate(labels)}
    if all(_plain(word) in known for word in words):
        count = Counter(_plain(label) for label in labels)
        twice = sorted(word for word in words if count[_plain(word)] > 1)
        if twice:
            raise UsageProblemError(f"two classes of the model are named {twice[0]!r}; give class_index numbers")
        return {word: known[_plain(word)] for word in words}
    stranger = sorted(word for word in words if _plain(word) not in known)[0]
    if any(_plain(word) in known for word in words):
        raise unknown("class", stranger, labels)
    if len(words) == classes:
        return {word: index for index, word in enumerate(sorted(words))}
    raise UsageProblemError(
        f"{len(words)} classes like {stranger!r} cannot be matched with the model's {classes}; name the "
        "class folders by class index (0, 1, ...) or give a CSV with the columns file,class_index"
    )


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit()


def _plain(word: str) -> str:
    """Return the word's letters and digits in lower case, so that the folder "T-shirt_top" matches "T-shirt/top"."""
    return "".join(letter for letter in word.casefold() if letter.isalnum())
