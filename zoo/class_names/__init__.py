"""Names of the classes of a data set, in the order of a network's logits."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def read(data_set: str) -> tuple[str, ...]:
    """Return the names in `zoo/class_names/<data_set>.txt`, one per line."""
    text = (resources.files("zoo.class_names") / f"{data_set}.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())
