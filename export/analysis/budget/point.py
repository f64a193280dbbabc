"""One file among those that a budget chooses from: what it costs and what it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from export.recipe import Width
from export.scheme import Scheme


@dataclass(frozen=True, kw_only=True)
class Point:
    """A file, measured.

    Attributes:
        precision: of its numbers.
        raised: layers of an int8 file that are wider.
        format: its name.
        bytes: its size.
        p50_ms: median time of one inference on one thread of this machine.
        sqnr_db: of the worst output, against the Keras model.
        changed: share of the samples whose best class is another than the Keras model's; None without classes.
        score: the task's headline on labelled data, if given.
        lost: by how much it falls behind the Keras model in that, a share: 0.01 is a point of top-1.
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

    @property
    def drop(self) -> float | None:
        """What --max-drop is about: the accuracy lost, or without labels the answers that changed."""
        return self.lost if self.lost is not None else self.changed

    @property
    def label(self) -> str:
        """`int8 + 4 float32`."""
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
        }
