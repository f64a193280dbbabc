"""Every error that a user can meet, with the exit code of the commands.

ZooError
|- CheckFailedError     1  a proof failed; the report names the checks
|- UsageProblemError    2  the user's mistake; the message shows what to type
|- OutsideError         3  no network, disk full, a runtime that crashed
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ZooError(Exception):
    """An error whose message is written for the reader: one or two sentences, no traceback needed."""

    exit_code = 1


class CheckFailedError(ZooError):
    """A check of the product failed."""

    exit_code = 1


class UsageProblemError(ZooError):
    """The user requested something impossible; the message shows what to type instead."""

    exit_code = 2


class OutsideError(ZooError):
    """Something outside the program failed: network, disk, a native library."""

    exit_code = 3


def unknown(what: str, word: str, known: Iterable[str], see: str = "") -> UsageProblemError:
    """Return the error for an unknown `word`; it suggests the nearest known ones and never guesses.

    `see` is the command that lists the known ones, if they are too many for a message.
    """
    names = sorted(str(name) for name in known)
    close = difflib.get_close_matches(word.lower(), names, n=2, cutoff=0.6)
    every = f"{see} lists those that there are" if see else f"known: {', '.join(names)}"
    hint = f"did you mean {' or '.join(repr(name) for name in close)}?" if close else every
    return UsageProblemError(f"unknown {what} {word!r}; {hint}")
