"""One architecture of each family: the others have the same builder, and the same small build."""

from __future__ import annotations

import zoo
from zoo.architecture import Architecture


def families() -> tuple[str, ...]:
    """Return the names of the first of each."""
    found: dict[tuple[object, str], str] = {}
    for name in zoo.names():
        architecture: Architecture = zoo.find(name)
        builder = getattr(architecture.build, "func", architecture.build)  # under what a partial sets
        found.setdefault((builder, repr(sorted(architecture.tiny.items()))), name)
    return tuple(found.values())
