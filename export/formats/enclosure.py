"""Bytes around a file, which describe it: the file itself stays as it is, and its runtime computes the same."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Enclosure:
    """What is written before and behind the bytes of a file.

    Attributes:
        before: in front of the file.
        behind: at its end.
    """

    before: bytes = b""
    behind: bytes = b""

    def __len__(self) -> int:
        return len(self.before) + len(self.behind)
