"""Walk through the configuration of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield all mappings inside of JSON data."""
    if isinstance(value, Mapping):
        yield value
        for one in value.values():
            yield from mappings(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from mappings(one)
