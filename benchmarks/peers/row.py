"""One row of the table, as it is measured, kept and printed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from benchmarks.peers.quantizing import Spent
from benchmarks.peers.scoring import Score


@dataclass(frozen=True, kw_only=True)
class Row:
    """The measurements of one file, or why there are none.

    Attributes:
        title: the tool and its setting.
        suffix: of the file.
        date: of the measurement.
        reason: why there is no score; empty if there is one.
        score: None if there is no file, or if it cannot be run.
        file_bytes: size of the file; 0 without one.
        spent: by quantizing; None if nothing ran, or if another row states it.
        versions: of the distributions that made the file.
    """

    title: str
    suffix: str
    date: str
    reason: str = ""
    score: Score | None = None
    file_bytes: int = 0
    spent: Spent | None = None
    versions: Mapping[str, str | None] = field(default_factory=dict)

    def write(self, path: Path, key: Mapping[str, Any]) -> None:
        """Store the row, with everything that it depends on."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"key": key, "row": asdict(self)}, indent=1), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the row that `write` stored."""
        record = json.loads(path.read_text(encoding="utf-8"))["row"]
        if record["score"]:
            record["score"] = Score(**record["score"])
        if record["spent"]:
            record["spent"] = Spent(**record["spent"])
        return cls(**record)
