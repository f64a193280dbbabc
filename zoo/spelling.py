"""Names as they are registered, from names as people type them: INT8, MobileNet-v2, ImageNet."""

from __future__ import annotations

from collections.abc import Iterable


def spelled(word: str, known: Iterable[str]) -> str:
    """Return the known name that equals a word but for case, hyphens, underscores and spaces; else the word."""
    names = [str(name) for name in known]
    return word if word in names else {_plain(name): name for name in names}.get(_plain(word), word)


def _plain(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter not in "-_ ")
