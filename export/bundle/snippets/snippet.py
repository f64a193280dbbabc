"""A piece of generated code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Snippet:
    """A program, or a part of one, in one language.

    Attributes:
        name: of its file.
        title: language and runtime, for display.
        needs: what to install, as a command; empty if nothing.
        remark: what the code does not do as the export did; empty if it does all.
        code: its text.
    """

    name: str
    title: str
    needs: str
    remark: str
    code: str
