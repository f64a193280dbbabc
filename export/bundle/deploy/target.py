"""A target: a device, or a runtime with conventions of its own, and the folder that it gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from export.bundle.read import Delivered, DeliveredFile
from export.progress import Progress
from export.recipe import Io, Recipe
from zoo.errors import CheckFailedError, UsageProblemError

# Content, or a file that is copied.
Files = Mapping[str, bytes | Path]

README = "README.md"


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a target gets.

    Attributes:
        sources: the delivered files among it.
        files: paths in the folder of the target -> contents.
        notes: what the user must know, such as a check that could not be made.
    """

    sources: tuple[DeliveredFile, ...]
    files: Files
    notes: tuple[str, ...] = ()


class Target(Protocol):
    """A device or a runtime that files are packed for."""

    @property
    def name(self) -> str:
        """The name as typed after `--target`."""
        ...

    @property
    def title(self) -> str:
        """The name for display, with the version that was tried."""
        ...

    @property
    def io(self) -> Io | None:
        """The type of inputs and outputs that suits it; None if all do."""
        ...

    def refusal(self, recipe: Recipe) -> str:
        """Return why no file of a recipe would run there, and the nearest that would; empty if one may."""
        ...

    def fetch(self) -> None:
        """Fetch what is copied into every folder, before anything slow starts.

        Raises:
            OutsideError: it cannot be fetched.
        """
        ...

    def contents(self, delivered: Delivered, precision: str | None, folder_name: str, progress: Progress) -> Contents:
        """Return the files of the target's folder.

        Args:
            delivered: the folder of an export.
            precision: of the model files; None lets the target choose.
            folder_name: name of the target's folder, for its README.
            progress: is notified of slow steps.

        Raises:
            UsageProblemError: no delivered file runs there.
            CheckFailedError: a file differs from the exported one, or failed its proof.
        """
        ...


def of_precision(
    delivered: Delivered, candidates: list[DeliveredFile], precision: str | None, what: str
) -> list[DeliveredFile]:
    """Return the candidates of a precision, or all of them without one.

    Raises:
        UsageProblemError: there are none; `what` names the kind of file.
        CheckFailedError: one of them differs from the exported file.
    """
    named = [file for file in candidates if precision in (None, file.scheme.name)]
    if not named:
        known = ", ".join(dict.fromkeys(file.scheme.name for file in candidates))
        raise UsageProblemError(f"{delivered.folder} has no {what} in {precision}; it has {known}")
    for file in named:
        if trouble := file.damage():
            raise CheckFailedError(f"{file.path}: {trouble}; see: zoo verify {delivered.folder}")
    return named
