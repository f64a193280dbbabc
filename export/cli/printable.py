"""Text without control characters: names in a file or manifest may hold sequences that move a terminal's cursor."""

from __future__ import annotations

import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
KEPT = frozenset("\n\t")

# Characters that make a terminal show text in another order than it is stored.
BIDIRECTIONAL = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str) -> str:
    """Return the text with a replacement character for every control character other than newline and tab."""
    if text.isprintable():
        return text
    return "".join(REPLACEMENT if _is_control(one) else one for one in text)


def _is_control(character: str) -> bool:
    is_control = unicodedata.category(character) == "Cc" and character not in KEPT
    return is_control or character in BIDIRECTIONAL
