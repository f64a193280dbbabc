"""A pass that the user chooses by a flag of `zoo export`."""

from __future__ import annotations

from typing import ClassVar, Protocol, Self

from export.passes import Pass
from zoo.errors import UsageProblemError


class ChosenPass(Protocol):
    """A frozen value with what the flag says; one that fits the model is among its `steps`.

    Attributes:
        flag: "--prune".
        metavar: what stands behind the flag in the help.
        help: one sentence.
    """

    flag: ClassVar[str]
    metavar: ClassVar[str]
    help: ClassVar[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the pass that the text behind the flag asks for.

        Raises:
            UsageProblemError: the text makes no sense.
        """
        ...

    @property
    def value(self) -> str:
        """The text behind the flag, as `parse` takes it."""
        ...

    @property
    def file_part(self) -> str:
        """As a part of file names."""
        ...

    def steps(self, seed: int) -> tuple[Pass, ...]:
        """Return the passes to run, with that seed."""
        ...


def check_share(flag: str, share: float) -> None:
    """Refuse what is no share of something.

    Raises:
        UsageProblemError: it is not between 0 and 1.
    """
    if share == 0:
        raise UsageProblemError(f"{flag} 0 takes nothing away; leave it out")
    if not 0 < share < 1:
        raise UsageProblemError(f"{flag} takes a share between 0 and 1: 0.5 is a half")
