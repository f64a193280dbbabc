"""One architecture of each family: the others have the same builder, and the same small build."""

from __future__ import annotations

import zoo
from zoo.architecture import Architecture
from zoo.inputs import preprocessing_of


def photo_networks() -> tuple[str, ...]:
    """Return the names of the architectures whose input is a photo."""
    return tuple(name for name in zoo.names() if preprocessing_of(zoo.find(name).inputs(**zoo.find(name).tiny)))


def families() -> tuple[str, ...]:
    """Return the names of the first of each, of networks whose input is a photo."""
    found: dict[tuple[object, str], str] = {}
    for name in photo_networks():
        architecture: Architecture = zoo.find(name)
        builder = getattr(architecture.build, "func", architecture.build)  # under what a partial sets
        found.setdefault((builder, repr(sorted(architecture.tiny.items()))), name)
    return tuple(found.values())
