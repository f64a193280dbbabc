"""Names as they are registered, from names as people type them: INT8, MobileNet-v2, ImageNet."""

from __future__ import annotations

from collections.abc import Iterable


def spelled(word: str, known: Iterable[str]) -> str:
    """Return the known name with the letters and digits of a word, in any case; the word itself if there is none."""
    names = [str(name) for name in known]
    return word if word in names else {_plain(name): name for name in names}.get(_plain(word), word)


def _plain(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter.isalnum())
