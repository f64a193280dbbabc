"""The measurements of one candidate file of a budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from export.recipe import Width
from export.scheme import Scheme


@dataclass(frozen=True, kw_only=True)
class Point:
    """The measurements of one file.

    Attributes:
        scheme: the precision.
        raised: layers of an int8 file in higher precision.
        format: name of the format.
        bytes: size of the file.
        p50_ms: median latency on one thread of this machine.
        sqnr_db: SQNR of the worst output, against the Keras model.
        changed: share of samples whose best class differs from the Keras model's; None without classes.
        score: the task's main metric on labelled data, if given.
        arena_bytes: RAM on a microcontroller, with its margin; None unless the budget limits it.
        lost: loss of that metric against the Keras model, as a share: 0.01 is one point of top-1.
    """

    scheme: Scheme
    raised: Mapping[str, Width] = field(default_factory=dict)
    format: str
    bytes: int
    p50_ms: float
    sqnr_db: float
    changed: float | None
    score: float | None = None
    lost: float | None = None
    arena_bytes: int | None = None

    @property
    def drop(self) -> float | None:
        """The value that --max-drop limits: the accuracy lost, or without labels the share of changed predictions."""
        return self.lost if self.lost is not None else self.changed

    @property
    def label(self) -> str:
        """The name of the file, such as `int8 + 4 float32`."""
        if not self.raised:
            return str(self.scheme)
        widths = set(self.raised.values())
        return f"{self.scheme} + {len(self.raised)} {widths.pop() if len(widths) == 1 else 'wider'}"

    def record(self) -> dict[str, Any]:
        """Return plain data for a manifest."""
        return {
            "label": self.label,
            "precision": str(self.scheme),
            "raised": {layer: str(width) for layer, width in self.raised.items()},
            "format": self.format,
            "bytes": self.bytes,
            "p50_ms": self.p50_ms,
            "sqnr_db": self.sqnr_db,
            "changed": self.changed,
            "score": self.score,
            "lost": self.lost,
            "arena_bytes": self.arena_bytes,
        }
