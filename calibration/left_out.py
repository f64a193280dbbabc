"""Which files of labelled data are not among the samples, and why."""

from __future__ import annotations

from dataclasses import dataclass

from calibration.sources.folder import skipped


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Files that are left out; those of two parts of the data can be added.

    Attributes:
        unreadable: names of the files that could not be read.
        excluded: number of files that calibration used.
    """

    unreadable: tuple[str, ...] = ()
    excluded: int = 0

    def __add__(self, other: LeftOut) -> LeftOut:
        return LeftOut(unreadable=self.unreadable + other.unreadable, excluded=self.excluded + other.excluded)

    @property
    def notes(self) -> tuple[str, ...]:
        """Warnings for the user."""
        notes = [skipped(self.unreadable)] if self.unreadable else []
        notes += [f"{self.excluded} calibration photos left out of the evaluation"] if self.excluded else []
        return tuple(notes)
