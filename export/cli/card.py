"""The card of an architecture: a page in Markdown with one Python program in it."""

from __future__ import annotations

import re
from importlib import resources

from zoo.errors import UsageProblemError

_PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def read_card(name: str) -> str | None:
    """Return the card of an architecture in Markdown, or None if it has no card."""
    path = resources.files("zoo") / "cards" / f"{name}.md"
    return path.read_text(encoding="utf-8") if path.is_file() else None


def read_program(name: str) -> str:
    """Return the Python program of a card, which ends with a line break.

    Raises:
        UsageProblemError: the architecture has no card, or its card has no program.
    """
    found = _PROGRAM.search(read_card(name) or "")
    if found is None:
        raise UsageProblemError(f"{name} has no card with a program; type zoo show {name} for its facts")
    return found[1]
