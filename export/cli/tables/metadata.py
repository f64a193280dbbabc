"""What a file says about itself, in a few lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

FEW_LABELS = 3
MOST_CHARACTERS = 200  # of a text that any tool may have written


def metadata_lines(facts: Mapping[str, Any]) -> list[str]:
    """Return a line for each fact that the metadata of a file state; none without metadata."""
    named = {**facts, **facts.get("properties", {})}
    named.pop("properties", None)
    return [f"{name}: {_shortened(words)}" for name, fact in named.items() if (words := _words(name, fact))]


def _words(name: str, fact: Any) -> str:
    if name == "labels":
        return _labels(fact)
    if isinstance(fact, Mapping):
        return ", ".join(f"{key} {_words(key, value)}" for key, value in fact.items())
    if isinstance(fact, Sequence) and not isinstance(fact, str):
        return " ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in fact)
    return " ".join(str(fact).split())


def _labels(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > FEW_LABELS else ""
    return f"{len(names)}: {', '.join(names[:FEW_LABELS])}{more}"


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 3]}..."
